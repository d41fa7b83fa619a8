import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { check, errorBuffer, json, openCore, readU32 } from "./library.ts";
import type { Probe } from "./probe.ts";

/** One step of a probe on features. */
export interface FeatureStep {
  seed: number;
  step: number;
  /** Images. */
  batchSize: number;
  /** Images kept from training, drawn by the seed. */
  heldOut: number;
}

/** Embeddings computed once, for probes to be trained and tested on. */
export class Features extends NativeObject {
  /** Makes an empty table. */
  static create(): Features {
    const symbols = openCore();
    return new Features(
      readU32("byol_features_create", (out, error) => symbols.byol_features_create(out, error)),
    );
  }

  /** Adds the dataset's one-view batch. */
  append(learner: Learner, dataset: Dataset): void {
    check(
      openCore().byol_features_append(
        this.handle,
        learner.handle,
        dataset.handle,
        errorBuffer(),
      ),
      "byol_features_append",
    );
  }

  /** Trains the probe on a step's share of the features. */
  train(probe: Probe, step: FeatureStep, learningRate: number): void {
    check(
      openCore().byol_features_train(
        this.handle,
        probe.handle,
        json(step),
        learningRate,
        errorBuffer(),
      ),
      "byol_features_train",
    );
  }

  /** Counts the probe's right answers on the images held out, or on all when there are none. */
  test(probe: Probe, { seed, heldOut }: Pick<FeatureStep, "seed" | "heldOut">): void {
    check(
      openCore().byol_features_test(
        this.handle,
        probe.handle,
        BigInt(seed),
        heldOut,
        errorBuffer(),
      ),
      "byol_features_test",
    );
  }
}
