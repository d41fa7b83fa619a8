/** The network that tests train where any will do, and images for it. */

import { byolViews, NORMALISATION, type ViewPair } from "../../src/recipes/views.ts";
import { Dataset, type DatasetOptions } from "../../src/native/dataset.ts";
import type { LearnerOptions } from "../../src/native/learner.ts";

/** The smallest encoder with heads of a few numbers. */
export const NETWORK: LearnerOptions = {
  resnetType: "resnet20",
  stem: "cifar",
  hiddenDim: 16,
  zDim: 8,
  bnViews: "joint",
  larsVariant: "reference",
  dtype: "float32",
  seed: 1,
};

/** Views of 32 pixels. */
export const VIEWS: ViewPair = byolViews({ cropSize: 32, cropScale: [0.2, 1], blurKernel: 3 });

/** So many embedded images (64 where it is not said), made into views by one thread. */
export function demoImages(
  { count = 64, train = true, ...options }:
    & { count?: number; train?: boolean }
    & Partial<Pick<DatasetOptions, "dtype" | "workers">> = {},
): Dataset {
  return Dataset.open({
    source: { kind: "demo", train, count },
    dtype: "float32",
    workers: 1,
    normalisation: NORMALISATION.demo,
    ...options,
  });
}
