import { setTimeout } from "node:timers/promises";
import { NativeObject } from "./handle.ts";
import { callU32, json } from "./call.ts";

/** Interval at which a job is polled for its end, each time for a microsecond. */
const POLL_MILLISECONDS = 5;

/** Work on files that the core does in a thread of its own. close() waits for the end of the work. */
export class Job extends NativeObject {
  /** Starts a comparison of a checkpoint's tensors with the SHA-256 in the file. */
  static verify(path: string): Job {
    return new Job(callU32("byol_checkpoint_verify_begin", json(path)));
  }

  /** Returns true after the end of the job. @throws NativeError, only once, when the job has failed */
  isDone(): boolean {
    return callU32("byol_job_wait", this.handle, 0) === 1;
  }

  /** Waits for the end of the job without blocking the event loop. @throws NativeError when the job has failed */
  async done(): Promise<void> {
    while (!this.isDone()) await setTimeout(POLL_MILLISECONDS);
  }
}
