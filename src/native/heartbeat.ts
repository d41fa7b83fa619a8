import { NativeObject } from "./handle.ts";
import { call, callU32, json } from "./call.ts";

/** Content and interval of a heartbeat. */
export interface HeartbeatOptions {
  /** Path of the file, which must exist; a removed file is not created again. */
  path: string;
  /** Content of the file, which each beat rewrites. */
  content: string;
  everyMilliseconds: number;
  /** Number of missed beats after which the file counts as lost. */
  mostMissed: number;
}

/** A file that a thread of the core rewrites at intervals, also while JavaScript is busy. */
export class Heartbeat extends NativeObject {
  /** Starts the thread, which runs until close(). */
  static start(options: HeartbeatOptions): Heartbeat {
    return new Heartbeat(callU32("byol_heartbeat_start", json(options)));
  }

  /**
   * Checks that the file still exists; looks at it anew if the last beat is older than `maxAgeMilliseconds`.
   *
   * @throws NativeError when the file was removed, or could not be written for too long
   */
  check(maxAgeMilliseconds: number): void {
    call("byol_heartbeat_check", this.handle, maxAgeMilliseconds);
  }
}
