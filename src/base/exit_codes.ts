/**
 * Exit codes of the program, in one place.
 *
 * A batch script decides by these numbers whether to submit the job again: they do not change.
 *
 * @module
 */

import { isResultLost, showLine } from "./output.ts";

/** The exit codes, by name. 75 is EX_TEMPFAIL of sysexits.h: try again and the run continues. */
export const ExitCode = {
  /** The command did what it was asked. */
  ok: 0,
  /** An unexpected failure: a bug, or a fault of the machine. */
  unexpected: 1,
  /** The command line: an unknown option, a value out of range, a combination that cannot run. */
  usage: 2,
  /** The data: missing, truncated, or not the bytes that were published. */
  data: 3,
  /** The run folder: not writable, locked, or holding another run. */
  runFolder: 4,
  /** A checkpoint: missing, damaged, or of another architecture. */
  checkpoint: 5,
  /** Set-up: toolchain or libtorch missing, or a Rust core of other sources. */
  setup: 6,
  /** The training's numbers: not finite, or, with --stop_on_collapse, collapsed embeddings. */
  numbers: 7,
  /** A checkpoint, a metrics file or the result on stdout could not be written. */
  save: 8,
  /** The ranks: another one ended or went silent, or they could not connect. */
  ranks: 9,
  /** Stop on a signal with everything saved, or at once on a second signal. The same command resumes the run. */
  interrupted: 75,
} as const;

/** One of the documented exit codes. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** A description of each exit code, for the documentation and `--help`. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [ExitCode.ok]: "done",
  [ExitCode.unexpected]: "unexpected failure",
  [ExitCode.usage]: "usage: unknown option, value out of range, options that exclude each other",
  [ExitCode.data]: "data: missing folder, truncated file, wrong MD5",
  [ExitCode.runFolder]: "run folder: not writable, locked, or another run in it",
  [ExitCode.checkpoint]: "checkpoint: missing, damaged, or of another architecture",
  [ExitCode.setup]: "set-up: toolchain or libtorch missing, or a Rust core of other sources",
  [ExitCode.numbers]: "numbers: not finite, or collapsed embeddings (--stop_on_collapse)",
  [ExitCode.save]: "save: a file or the result cannot be written, as on a full disk",
  [ExitCode.ranks]: "ranks: another one ended or went silent, or they could not connect",
  [ExitCode.interrupted]: "interrupted with everything saved: the same command resumes the run",
};

/** An expected failure, which the user can repair. The program prints its message without a stack trace. */
export class UserError extends Error {
  /** Always "UserError". */
  override readonly name = "UserError";
  /** Exit code of the process. */
  readonly exitCode: ExitCode;

  /**
   * Creates an error.
   *
   * @param message failed task with its value, and the expected one, without a final stop
   * @param exitCode exit code of the process
   */
  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Returns a UserError with the exit code `ExitCode.usage`. */
export function usageError(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}

/**
 * Runs a main function and exits with the code that it returns, if any. A UserError is printed as its message, with its exit code; a result
 * that could not be printed is exit code 8.
 */
export async function runMain(
  main: (args: string[]) => number | void | Promise<number | void>,
): Promise<void> {
  try {
    const code = await main(Deno.args) ?? ExitCode.ok;
    Deno.exitCode = code === ExitCode.ok && isResultLost() ? ExitCode.save : code;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    showLine(error.message);
    Deno.exitCode = error.exitCode;
  }
}
