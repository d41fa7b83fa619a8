/** Signals that ask the program to stop: a run at its next step, with everything saved. */

import { constants } from "node:os";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { wordsFor } from "../base/expected.ts";
import { NativeError } from "../native/native_error.ts";
import { SignalWatch } from "../native/signal_watch.ts";

/** SIGUSR1 is left alone: it opens Deno's debugger port. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;
/** One Ctrl-C under `deno task` arrives twice within a millisecond. */
const SAME_REQUEST_MILLISECONDS = 1000;

/** Listens for signals while it lives; a second request, a second later or more, ends the process at once. */
export class Interrupt implements Disposable {
  #at: number | undefined;
  #watch: SignalWatch | undefined;
  readonly #controller = new AbortController();
  readonly #listener = (): void => {
    this.#at ??= performance.now();
    this.#controller.abort(interrupted("before anything was to be saved"));
    if (performance.now() - this.#at < SAME_REQUEST_MILLISECONDS) return;
    console.error("Interrupted again: ended at once");
    Deno.exit(ExitCode.interrupted);
  };

  constructor() {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#listener);
    if (cameBefore()) this.#listener();
  }

  /**
   * Lets the core watch, too: its long calls then give up at a signal, and a second request ends the process in the
   * midst of one. Listeners alone wait for the end of the call.
   */
  watchCalls(): void {
    this.#watch ??= SignalWatch.start({
      signals: SIGNALS.map((name) => constants.signals[name]),
      sameRequestMilliseconds: SAME_REQUEST_MILLISECONDS,
      exitCode: ExitCode.interrupted,
    });
  }

  /** True once a signal has come. */
  get requested(): boolean {
    return this.#at !== undefined || this.#watch?.seen === true;
  }

  /** Aborted by a signal, as soon as the event loop runs: for work that waits there. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.#watch?.close();
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}

/**
 * Tells slurm/job.sh that this process stopped on a signal. Preemption sends one to the ranks alone, and the exit code
 * that srun then reports may be that of a rank which it ended itself. Without such a script, nothing.
 */
export function reportStop(): void {
  const file = stopFile();
  if (file === undefined) return;
  try {
    Deno.writeTextFileSync(file, "");
  } catch (error) {
    console.error(`Cannot tell the batch script of the stop: ${wordsFor(error)}`);
  }
}

/** The file that a batch script and its ranks tell each other of a signal by. */
function stopFile(): string | undefined {
  const file = Deno.env.get("BYOL_STOP_FILE");
  return file === "" ? undefined : file;
}

/** A batch script's warning may come before anybody listens: slurm/job.sh leaves a file as well. */
function cameBefore(): boolean {
  const file = stopFile();
  if (file === undefined) return false;
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Returns the error that a signal ends a command with. */
export function interrupted(when: string): UserError {
  return new UserError(
    `Interrupted ${when}: start the same command again to resume`,
    ExitCode.interrupted,
  );
}

/** Does something of the core's; whether it was given up because of a signal. */
export function isInterrupted(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof NativeError && error.code === "Interrupted") return true;
    throw error;
  }
}
