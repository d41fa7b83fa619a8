/**
 * A step on one GPU as a CUDA graph: the step is recorded once, then replayed, which saves the CPU the time to launch
 * some thousand kernels per step. Where a step cannot be recorded, every step runs live.
 *
 * @module
 */

import type { Dataset } from "../native/dataset.ts";
import type { Learner, StepRates, UpdateOptions } from "../native/learner.ts";
import { NativeError } from "../native/native_error.ts";

/** Live steps before the recording, in which libtorch chooses its kernels. */
const WARM_UP_STEPS = 3;

/** Work that is the same in every step: all but the making of the views and the numbers in StepRates. */
export type StepBody = () => void;

/** Options of a StepGraph. */
export interface StepGraphOptions extends StepConstants {
  /** True to record steps where that is possible. */
  enabled: boolean;
  /** Called once where a recording has failed, and every step runs live. */
  warn?(line: string): void;
}

/** Constants of a training, which a recording has fixed. */
export type StepConstants = Omit<UpdateOptions, "learningRate">;

/** The constants that each learner's recording was made with. */
const recordedWith = new WeakMap<Learner, string>();

/** Runner of steps: the first ones live, the later ones as replays of a recording. */
export class StepGraph {
  readonly #learner: Learner;
  readonly #constants: string;
  readonly #warn: (line: string) => void;
  #enabled: boolean;
  #live = 0;

  /** Keeps the learner's recording of an earlier training with the same constants; drops a recording with other ones. */
  constructor(
    learner: Learner,
    { enabled, momentum, weightDecay, eta, warn = () => {} }: StepGraphOptions,
  ) {
    this.#learner = learner;
    this.#enabled = enabled;
    this.#warn = warn;
    this.#constants = JSON.stringify([momentum, weightDecay, eta]);
    const recorded = recordedWith.get(learner);
    if (recorded !== undefined && recorded !== this.#constants) learner.dropRecording();
  }

  /** Runs a step on the dataset's two views. `body` must launch the same work every time. */
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

  /** Records a step and runs it. Returns false where the step has to run live: it cannot be recorded, or that failed. */
  #record(dataset: Dataset, rates: StepRates, body: StepBody): boolean {
    try {
      this.#enabled = this.#learner.beginRecording(dataset, rates);
      if (!this.#enabled) return false;
      body();
      this.#learner.endRecording();
    } catch (error) {
      // What a recording holds has not run: the step begins again, live.
      this.#learner.dropRecording();
      if (!(error instanceof NativeError)) throw error;
      this.#enabled = false;
      this.#warn(
        `Cannot record a step as a CUDA graph: ${error.message}; every step runs live, some slower`,
      );
      return false;
    }
    recordedWith.set(this.#learner, this.#constants);
    return true;
  }
}
