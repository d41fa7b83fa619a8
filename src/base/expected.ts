/** Failures that files, options or the machine cause, told from bugs: a bug keeps its stack. */

import { type ExitCode, UserError } from "./exit_codes.ts";

/** Returns true for an error of the operating system, as Deno and node's modules report it. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof Deno.errors.BadResource) return false;
  // Some have no class of their own: a full disk is an Error with a code, or with a number in its message.
  const { code } = error as { code?: unknown };
  return Object.values(Deno.errors).some((Type) => error instanceof Type) ||
    typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ||
    /\(os error \d+\)/.test(error.message);
}

/**
 * Returns true for a failure that files, options or the machine cause; false for a bug. An error of the core tells by
 * its property `isExpected`.
 */
export function isExpected(error: unknown): error is Error {
  return error instanceof UserError || isSystemError(error) || isPackageMissing(error) ||
    error instanceof Error && (error as { isExpected?: unknown }).isExpected === true;
}

/** Returns true where an import() found no module: set-up had no network to fetch the package. */
function isPackageMissing(error: unknown): boolean {
  return error instanceof TypeError &&
    (error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND";
}

/** Wording of an expected failure. */
export interface FailureOptions {
  /** The work that failed, such as `write out.csv`: the message begins with "Cannot" and it. */
  task?: string;
  /** End of the message: what was expected. */
  expected?: string;
}

/**
 * Returns the error to throw for one that was caught: a UserError for an expected failure, and a bug or a UserError as
 * it is.
 */
export function asUserError(
  error: unknown,
  exitCode: ExitCode,
  { task, expected }: FailureOptions = {},
): unknown {
  if (error instanceof UserError || !isExpected(error)) return error;
  const start = task === undefined ? "" : `Cannot ${task}: `;
  const end = expected === undefined ? "" : `, expected ${expected}`;
  return new UserError(`${start}${error.message}${end}`, exitCode);
}

/** Returns the words for a failure that ends nothing: the message of an expected one, the stack of a bug. */
export function wordsFor(error: unknown): string {
  if (isExpected(error)) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
