/** The command line of the test runner. */

import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";

/** The parts of a run. */
export const PARTS = ["set-up", "units", "parity", "endurance", "slurm", "checks"] as const;
/** A part of a run. */
export type Part = typeof PARTS[number];

/** Request of the command line. */
export interface Request {
  parts: readonly Part[];
  /** Installs the oracle of the parity tests where it is missing. */
  installOracle: boolean;
  /** Installs Debian's packages that tests want where they are missing. */
  installPackages: boolean;
  /** Parts of tests' names, or paths of files and folders of tests; all tests when empty. */
  filters: string[];
  /** Number of programs that run side by side. */
  jobs: number;
}

/**
 * Reads `[--checks] [--oracle=install] [--packages=install] [--only=PART] [--jobs=N] [FILTER …]`.
 *
 * @throws {UserError} (exit code 2) when it asks for something else.
 */
export function parseRequest(args: string[]): Request {
  const text = { type: "string" } as const;
  const { values, positionals } = parsed(() =>
    parseArgs({
      args,
      options: {
        checks: { type: "boolean" },
        oracle: text,
        packages: text,
        only: text,
        jobs: text,
      },
      strict: true,
      allowPositionals: true,
    })
  );
  for (const name of ["oracle", "packages"] as const) {
    refuseUnless(values[name] === undefined || values[name] === "install", {
      what: `--${name}=${values[name]}`,
      expected: "install",
    });
  }
  const only = PARTS.find((part) => part === values.only);
  refuseUnless(values.only === undefined || only !== undefined, {
    what: `--only=${values.only}`,
    expected: `one of ${PARTS.join(", ")}`,
  });
  const jobs = Number(values.jobs ?? navigator.hardwareConcurrency);
  refuseUnless(Number.isInteger(jobs) && jobs > 0, {
    what: `--jobs=${values.jobs}`,
    expected: "a whole number from 1 on",
  });
  const all = values.checks ? PARTS : PARTS.filter((part) => part !== "checks");
  return {
    parts: only === undefined ? all : [only],
    installOracle: values.oracle === "install",
    installPackages: values.packages === "install",
    filters: positionals,
    jobs,
  };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS")) throw error;
    throw new UserError((error as Error).message, ExitCode.usage);
  }
}

function refuseUnless(
  holds: boolean,
  { what, expected }: { what: string; expected: string },
): void {
  if (!holds) throw new UserError(`Cannot run with ${what}: expected ${expected}`, ExitCode.usage);
}
