import { NativeObject } from "./handle.ts";
import { check, errorBuffer, json, openCore, readU32 } from "./library.ts";

/** What to watch for. */
export interface SignalWatchOptions {
  /** By number. */
  signals: number[];
  /** A signal within this time after the first one is the same request. */
  sameRequestMilliseconds: number;
  /** What the process ends with at the second request. */
  exitCode: number;
}

/** The core's own view of signals: also during a call that JavaScript waits for. One at a time. */
export class SignalWatch extends NativeObject {
  readonly #seen = new Uint32Array(1);

  /** Watches until close(). */
  static start(options: SignalWatchOptions): SignalWatch {
    const symbols = openCore();
    const request = json(options);
    return new SignalWatch(
      readU32(
        "byol_signals_watch",
        (out, error) => symbols.byol_signals_watch(request, out, error),
      ),
    );
  }

  /** True once a signal has come. */
  get seen(): boolean {
    check(openCore().byol_signals_seen(this.#seen, errorBuffer()), "byol_signals_seen");
    return this.#seen[0] === 1;
  }
}
