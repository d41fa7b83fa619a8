import { NativeObject } from "./handle.ts";
import { call, callU32, json } from "./call.ts";

/** Content and interval of a heartbeat. */
export interface HeartbeatOptions {
  /** The file, which must be there; one that was removed is not made again. */
  path: string;
  /** Its content, which is written over itself. */
  content: string;
  everyMilliseconds: number;
  /** So many missed beats, and the file counts as lost. */
  mostMissed: number;
}

/** A file written again and again by a thread of the core's, whatever JavaScript is busy with. */
export class Heartbeat extends NativeObject {
  /** Starts the thread, which lives until close(). */
  static start(options: HeartbeatOptions): Heartbeat {
    return new Heartbeat(callU32("byol_heartbeat_start", json(options)));
  }

  /**
   * Looks itself when the last beat is that old.
   *
   * @throws NativeError when the file was removed, or could not be written for too long
   */
  check(maxAgeMilliseconds: number): void {
    call("byol_heartbeat_check", this.handle, maxAgeMilliseconds);
  }
}
