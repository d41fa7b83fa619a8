/** Distinction between expected failures, caused by files, options or the machine, and bugs, which keep their stack. */

import { type ExitCode, UserError } from "./exit_codes.ts";

/** Returns true for an error of the operating system, thrown by Deno or by Node's modules. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof Deno.errors.BadResource) return false;
  // Some errors have no class of their own: a full disk is an Error with a code, or with a number in its message.
  const { code } = error as { code?: unknown };
  return Object.values(Deno.errors).some((Type) => error instanceof Type) ||
    typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ||
    /\(os error \d+\)/.test(error.message);
}

/**
 * Returns true for a failure caused by files, options or the machine; false for a bug. Errors of the Rust core have the
 * property `isExpected`.
 */
export function isExpected(error: unknown): error is Error {
  return error instanceof UserError || isSystemError(error) || isPackageMissing(error) ||
    error instanceof Error && (error as { isExpected?: unknown }).isExpected === true;
}

/** Returns true for an import() of a missing npm package, which set-up could not install without network. */
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
 * Returns the error to throw for a caught one: a UserError for an expected failure; a bug or a UserError unchanged.
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

/** Returns the text for a warning about a failure: the message of an expected failure, the stack of a bug. */
export function wordsFor(error: unknown): string {
  if (isExpected(error)) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
