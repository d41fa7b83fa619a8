/**
 * A step on one GPU as a CUDA graph: recorded once, then replayed, which spares the processor the work of enqueuing
 * some thousand kernels a step. Where nothing can be recorded, every step runs live.
 *
 * @module
 */

import type { Dataset } from "../native/dataset.ts";
import type { Learner, StepRates, UpdateOptions } from "../native/learner.ts";

/** Steps that run before the recording, in which libtorch chooses its kernels. */
const WARM_UP_STEPS = 3;

/** Work of a step that is the same every time: all but the views and the numbers in StepRates. */
export type StepBody = () => void;

/** Constants of a training, which a recorded step keeps. */
export type StepConstants = Omit<UpdateOptions, "learningRate">;

/** The constants of the step that each learner's recording repeats. */
const recordedWith = new WeakMap<Learner, string>();

/** Runs steps: live, then recorded. */
export class StepGraph {
  readonly #learner: Learner;
  readonly #constants: string;
  #enabled: boolean;
  #live = 0;

  /**
   * Keeps a recording of an earlier training of the learner where its constants were the same, and drops it otherwise.
   *
   * @param options.enabled true to record steps where that is possible
   */
  constructor(
    learner: Learner,
    { enabled, momentum, weightDecay, eta }: { enabled: boolean } & StepConstants,
  ) {
    this.#learner = learner;
    this.#enabled = enabled;
    this.#constants = JSON.stringify([momentum, weightDecay, eta]);
    const recorded = recordedWith.get(learner);
    if (recorded !== undefined && recorded !== this.#constants) learner.dropRecording();
  }

  /** Runs a step on the dataset's two views. `body` enqueues the same work every time. */
  run(dataset: Dataset, rates: StepRates, body: StepBody): void {
    if (this.#enabled) {
      if (this.#learner.replay(dataset, rates)) return;
      if (this.#live >= WARM_UP_STEPS && this.#record(dataset, rates, body)) {
        this.#live = 0;
        return;
      }
      this.#live++;
    }
    body();
  }

  #record(dataset: Dataset, rates: StepRates, body: StepBody): boolean {
    this.#enabled = this.#learner.beginRecording(dataset, rates);
    if (!this.#enabled) return false;
    try {
      body();
    } catch (error) {
      this.#learner.dropRecording();
      throw error;
    }
    this.#learner.endRecording();
    recordedWith.set(this.#learner, this.#constants);
    return true;
  }
}
