/** Signals that ask the program to stop. A run stops after its present step and saves a checkpoint. */

import { constants } from "node:os";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { hasHungUp, raise } from "../base/libc.ts";
import { wordsFor } from "../base/expected.ts";
import { showLine } from "../base/output.ts";
import { NativeError } from "../native/native_error.ts";
import { SignalWatch } from "../native/signal_watch.ts";
import { listenForStops, restWithTask, stopSignals } from "./stop_signals.ts";

/** Time within which a second signal counts as the same request: under `deno task`, one Ctrl-C arrives twice. */
const SAME_REQUEST_MILLISECONDS = 1000;
/** Variable by which `--ranks` tells its ranks that their stdin is a pipe that ends with the launcher. */
export const LAUNCHER_PIPE = "BYOL_LAUNCHER_PIPE";
/** Interval of looking at that pipe. */
const LOOK_MILLISECONDS = 250;
const STDIN = 0;

/**
 * Listener for signals, from its creation to its disposal. A second request, at least a second after the first, ends
 * the process at once.
 */
export class Interrupt implements Disposable {
  #at: number | undefined;
  #watch: SignalWatch | undefined;
  readonly #held = new DisposableStack();
  readonly #look: ReturnType<typeof setInterval> | undefined;
  readonly #controller = new AbortController();
  readonly #listener = (): void => {
    this.#at ??= performance.now();
    this.#controller.abort(interrupted("before there was anything to save"));
    if (performance.now() - this.#at < SAME_REQUEST_MILLISECONDS) return;
    showLine("Interrupted again: ended at once");
    Deno.exit(ExitCode.interrupted);
  };

  constructor() {
    this.#held.use(listenForStops(this.#listener));
    this.#held.use(restWithTask());
    if (cameBefore()) this.#listener();
    if (Deno.env.has(LAUNCHER_PIPE)) {
      this.#look = setInterval(() => this.#stopWithLauncher(), LOOK_MILLISECONDS);
      this.#look.unref();
    }
  }

  /**
   * Makes the Rust core watch for signals as well. Its long calls then return at the first signal, and a second request
   * ends the process during a call. Without the watch, a signal takes effect only after the call.
   */
  watchCalls(): void {
    this.#watch ??= SignalWatch.start({
      signals: stopSignals().map((name) => constants.signals[name]),
      sameRequestMilliseconds: SAME_REQUEST_MILLISECONDS,
      exitCode: ExitCode.interrupted,
    });
  }

  /** True after a signal. */
  get requested(): boolean {
    return this.#at !== undefined || this.#watch?.seen === true;
  }

  /** Abort signal for asynchronous work: a signal aborts it as soon as the event loop runs. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    clearInterval(this.#look);
    this.#watch?.close();
    this.#held.dispose();
  }

  /** A launcher that was killed passes no signal on. Its end is one, unless another came before: a second ends at once. */
  #stopWithLauncher(): void {
    if (!hasHungUp(STDIN)) return;
    clearInterval(this.#look);
    if (!this.requested) raise(constants.signals.SIGTERM);
  }
}

/**
 * Tells slurm/job.sh that this process stopped on a signal, by way of the file $BYOL_STOP_FILE. Does nothing where the
 * variable is not set. The script cannot tell by itself: preemption signals the ranks alone, and srun may report the
 * exit code of a rank that srun has killed.
 */
export function reportStop(): void {
  const file = stopFile();
  if (file === undefined) return;
  try {
    Deno.writeTextFileSync(file, "");
  } catch (error) {
    // The file is on the batch script's node, where another rank writes it.
    if (error instanceof Deno.errors.NotFound) return;
    showLine(`Cannot tell the batch script of the stop: ${wordsFor(error)}`);
  }
}

/** Returns the file by which a batch script and its ranks tell each other of a signal; undefined without a script. */
function stopFile(): string | undefined {
  const file = Deno.env.get("BYOL_STOP_FILE");
  return file === "" ? undefined : file;
}

/** Returns true where slurm/job.sh has recorded a signal in its file before this process listened for signals. */
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

/** Runs a call into the Rust core; returns true where a signal interrupted the call, false where the call finished. */
export function isInterrupted(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof NativeError && error.code === "Interrupted") return true;
    throw error;
  }
}
