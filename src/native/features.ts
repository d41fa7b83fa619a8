import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, callU32, json } from "./call.ts";
import type { Probe } from "./probe.ts";

/** One step of a probe on features. */
export interface FeatureStep {
  seed: number;
  step: number;
  /** Number of images of a step. */
  batchSize: number;
  /** Number of images held out from training, drawn by the seed. */
  heldOut: number;
}

/** Table of embeddings that probes are trained and tested on. */
export class Features extends NativeObject {
  /** Creates an empty table. */
  static create(): Features {
    return new Features(callU32("byol_features_create"));
  }

  /** Adds the dataset's one-view batch. */
  append(learner: Learner, dataset: Dataset): void {
    call("byol_features_append", this.handle, learner.handle, dataset.handle);
  }

  /** Trains a probe on the features of one step. */
  train(probe: Probe, step: FeatureStep, learningRate: number): void {
    call("byol_features_train", this.handle, probe.handle, json(step), learningRate);
  }

  /** Counts a probe's right answers on the held-out images, or on all images without any held out. */
  test(probe: Probe, { seed, heldOut }: Pick<FeatureStep, "seed" | "heldOut">): void {
    call("byol_features_test", this.handle, probe.handle, BigInt(seed), heldOut);
  }
}
