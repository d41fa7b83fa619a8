import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, json } from "./call.ts";

/** State before a step, to be written with the state after it. */
export class Trace extends NativeObject {
  readonly #learner: Learner;

  /**
   * Wraps a trace of the core, for Learner.beginTrace().
   *
   * @param learner the learner whose step is traced
   * @param handle the core's handle of the trace
   */
  constructor(learner: Learner, handle: number) {
    super(handle);
    this.#learner = learner;
  }

  /** Writes views, state before, gradients and state after to one safetensors file. */
  write(dataset: Dataset, path: string, metadata: Record<string, unknown>): void {
    call(
      "byol_learner_trace_write",
      this.#learner.handle,
      dataset.handle,
      this.handle,
      json({ path, metadata }),
    );
  }
}
