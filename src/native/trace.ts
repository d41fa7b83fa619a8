import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, json } from "./call.ts";

/** The state before a step, to be written with what the step made of it. */
export class Trace extends NativeObject {
  readonly #learner: Learner;

  /**
   * For Learner.beginTrace().
   *
   * @param learner whose step is traced
   * @param handle from the core
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
