import { NativeObject } from "./handle.ts";
import { callU32, json } from "./call.ts";

/** Options of watching for signals. */
export interface SignalWatchOptions {
  /** Numbers of the signals. */
  signals: number[];
  /** A signal within this time after the first one is the same request. */
  sameRequestMilliseconds: number;
  /** Exit code of the process at the second request. */
  exitCode: number;
}

/** Watch of the core for signals, also during a call that JavaScript waits for. One watch at a time. */
export class SignalWatch extends NativeObject {
  /** Watches until close(). */
  static start(options: SignalWatchOptions): SignalWatch {
    return new SignalWatch(callU32("byol_signals_watch", json(options)));
  }

  /** True once a signal has come. */
  get seen(): boolean {
    return callU32("byol_signals_seen") === 1;
  }
}
