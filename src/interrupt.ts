/** Signals that ask a run to stop at the next step boundary. */

/** SIGUSR1 is left alone: it opens Deno's debugger port. */
const SIGNALS: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];
/** One Ctrl-C under `deno task` arrives twice within a millisecond. */
const SAME_REQUEST_MILLISECONDS = 1000;

/** Listens for signals while it lives; a second request, a second later or more, ends the process at once. */
export class Interrupt implements Disposable {
  #at: number | undefined;
  readonly #listener = (): void => {
    this.#at ??= performance.now();
    if (performance.now() - this.#at >= SAME_REQUEST_MILLISECONDS) Deno.exit(75);
  };

  constructor() {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#listener);
    if (cameBefore()) this.#listener();
  }

  /** Whether a signal has come. */
  get requested(): boolean {
    return this.#at !== undefined;
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}

/** A batch script's warning may come before anybody listens: slurm/job.sh leaves a file as well. */
function cameBefore(): boolean {
  const file = Deno.env.get("BYOL_STOP_FILE");
  if (file === undefined || file === "") return false;
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}
