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
  /** A failure nobody foresaw: a bug, or a machine in trouble. */
  unexpected: 1,
  /** The command line: an unknown option, a value out of range, a combination that cannot run. */
  usage: 2,
  /** The data: missing, truncated, or not the bytes that were published. */
  data: 3,
  /** The run folder: not writable, locked, or holding another run. */
  runFolder: 4,
  /** A checkpoint: missing, damaged, or of another architecture. */
  checkpoint: 5,
  /** Set-up: toolchain or libtorch missing, or a core built from another table. */
  setup: 6,
  /** The training's numbers went bad: not finite, or, with --stop_on_collapse, collapsed embeddings. */
  numbers: 7,
  /** A checkpoint, a metrics file or the result on stdout could not be written. */
  save: 8,
  /** Another rank died or went silent, or the ranks could not meet. */
  ranks: 9,
  /** Stopped on a signal with everything saved (but at a second signal, which ends it at once): start the same command again to resume. */
  interrupted: 75,
} as const;

/** One of the documented exit codes. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** One sentence for each exit code, for the documentation and `--help`. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [ExitCode.ok]: "done",
  [ExitCode.unexpected]: "unexpected failure",
  [ExitCode.usage]: "usage: unknown option, value out of range, options that exclude each other",
  [ExitCode.data]: "data: missing folder, truncated file, wrong MD5",
  [ExitCode.runFolder]: "run folder: not writable, locked, or another run in it",
  [ExitCode.checkpoint]: "checkpoint: missing, damaged, or of another architecture",
  [ExitCode.setup]: "set-up: toolchain or libtorch missing, or a core of another table",
  [ExitCode.numbers]: "numbers went bad: not finite, or collapsed (--stop_on_collapse)",
  [ExitCode.save]: "a save failed, or the result could not be printed, for instance on a full disk",
  [ExitCode.ranks]: "ranks: another one died or went silent, or they could not meet",
  [ExitCode.interrupted]: "interrupted with everything saved: start again to resume",
};

/** A problem its reader can repair. The command line prints its message and nothing else, and ends
 * with its exit code; a stack trace would only hide the sentence. */
export class UserError extends Error {
  /** Always "UserError". */
  override readonly name = "UserError";
  /** The code the process is to end with. */
  readonly exitCode: ExitCode;

  /**
   * Names the problem and how the process ends.
   *
   * @param message what could not be done, with the value, and what was expected
   * @param exitCode the code the process is to end with
   */
  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Returns an error for a command line that cannot be used. */
export function usageError(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}

/** Runs a main function. A user's error is its sentence and its exit code; a result that could not be printed is code 8. */
export async function runMain(
  main: (args: string[]) => number | Promise<number>,
): Promise<void> {
  try {
    const code = await main(Deno.args);
    Deno.exitCode = code === ExitCode.ok && isResultLost() ? ExitCode.save : code;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    showLine(error.message);
    Deno.exitCode = error.exitCode;
  }
}
