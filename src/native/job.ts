import { setTimeout } from "node:timers/promises";
import { NativeObject } from "./handle.ts";
import { check, errorBuffer, json, openCore, readU32 } from "./library.ts";

/** How often a job is asked whether it is done; between steps, the answer costs a microsecond. */
const POLL_MILLISECONDS = 5;

/** Work on files that the core does in a thread of its own. Closing waits for its end. */
export class Job extends NativeObject {
  /** Reads a checkpoint and compares it with the SHA-256 that it holds. */
  static verify(path: string): Job {
    const symbols = openCore();
    const request = json(path);
    return new Job(
      readU32(
        "byol_checkpoint_verify_begin",
        (out, error) => symbols.byol_checkpoint_verify_begin(request, out, error),
      ),
    );
  }

  /** Whether it is done. @throws NativeError once, when it has failed */
  isDone(): boolean {
    const symbols = openCore();
    const done = new Uint32Array(1);
    check(symbols.byol_job_wait(this.handle, 0, done, errorBuffer()), "byol_job_wait");
    return done[0] === 1;
  }

  /** Waits without holding up the event loop. @throws NativeError when it has failed */
  async done(): Promise<void> {
    while (!this.isDone()) await setTimeout(POLL_MILLISECONDS);
  }
}
