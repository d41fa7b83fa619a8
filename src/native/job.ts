import { setTimeout } from "node:timers/promises";
import { NativeObject } from "./handle.ts";
import { callU32, json } from "./call.ts";

/** Interval at which a job is asked for its end; between steps, the answer costs a microsecond. */
const POLL_MILLISECONDS = 5;

/** Work on files that the core does in a thread of its own. Closing waits for its end. */
export class Job extends NativeObject {
  /** Reads a checkpoint and compares it with the SHA-256 that it holds. */
  static verify(path: string): Job {
    return new Job(callU32("byol_checkpoint_verify_begin", json(path)));
  }

  /** Returns true once the job is done. @throws NativeError once, when it has failed */
  isDone(): boolean {
    return callU32("byol_job_wait", this.handle, 0) === 1;
  }

  /** Waits without holding up the event loop. @throws NativeError when it has failed */
  async done(): Promise<void> {
    while (!this.isDone()) await setTimeout(POLL_MILLISECONDS);
  }
}
