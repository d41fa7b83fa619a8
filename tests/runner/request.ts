/** The command line of the test runner. */

import { type CommandSpec, readOptions } from "../../src/base/command_line.ts";

/** The parts of a run. */
export const PARTS = ["set-up", "units", "parity", "endurance", "slurm", "checks"] as const;
/** A part of a run. */
export type Part = typeof PARTS[number];

/** `deno task test`; `deno task ok` is the same with --checks. */
export const TEST = {
  name: "test",
  summary: "Runs the tests, and with --checks the static checks before them",
  words: "FILTER",
  options: {
    checks: {
      option: "checks",
      value: { kind: "flag" },
      help: "The static checks, too, before the tests: deno task ok",
      default: false,
    },
    only: {
      option: "only",
      value: { kind: "choice", choices: PARTS },
      placeholder: "PART",
      help: `One part alone: ${PARTS.join(", ")}`,
      default: null,
      defaultText: "all",
    },
    jobs: {
      option: "jobs",
      value: { kind: "integer", least: 1 },
      help: "Programs that run side by side",
      default: null,
      defaultText: "the cores this process may use",
    },
    oracle: {
      option: "oracle",
      value: { kind: "choice", choices: ["install"] },
      help: "Install what the parity tests compare with where it is missing",
      default: null,
    },
    packages: {
      option: "packages",
      value: { kind: "choice", choices: ["install"] },
      help: "Install Debian's packages that tests want where they are missing",
      default: null,
    },
  },
  remarks: [
    "A filter is a part of the names of TypeScript tests or of checks, or the path of a file or folder of tests.",
  ],
} as const satisfies CommandSpec;

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
 * Reads the command line.
 *
 * @throws {UserError} (exit code 2) when it asks for something else.
 */
export function parseRequest(args: readonly string[]): Request {
  const { values: { checks, only, jobs, oracle, packages }, words } = readOptions(args, TEST);
  const all = checks ? PARTS : PARTS.filter((part) => part !== "checks");
  return {
    parts: only === null ? all : [only],
    installOracle: oracle === "install",
    installPackages: packages === "install",
    filters: [...words],
    jobs: jobs ?? navigator.hardwareConcurrency,
  };
}
