/** Transfer: an encoder on other images than those it was trained on keeps its network and the side of its views. */

import { viewsOf } from "../recipes/view_schedule.ts";
import type { RunConfig } from "../options/config.ts";
import { type StoredOptions, storedOptions } from "../options/stored.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { stemOf } from "../recipes/stem.ts";
import { createLearner } from "./learner.ts";

/** Options that tell the images that an encoder was trained on. */
type Trained = Partial<Pick<RunConfig, "datasetName" | "preset" | "imageSize">>;
type Stem = ReturnType<typeof stemOf>;

/** Data set that each stem is made for, for encoders without a record. */
const USUAL: Readonly<Record<Stem, RunConfig["datasetName"]>> = {
  imagenet: "imagenet",
  cifar: "cifar10",
};

/**
 * The options to evaluate or embed with, and an untrained learner that the checkpoint's encoder fits into.
 *
 * @param found what the checkpoint holds
 * @returns config is the one given, but for imageSize (pixels): where nobody says it and the images are others than in
 * training, that of the views trained on. Another program's file does not say them: the stem that it holds tells
 * whether they were small images or photos
 */
export function transferred(
  config: RunConfig,
  found: Pick<CheckpointDescription, "metadata" | "encoder">,
): { config: RunConfig; learner: Learner } {
  const { metadata, encoder } = found;
  const trained: Trained = storedOptions((metadata?.config ?? {}) as StoredOptions);
  // What does not fit, or is no network known here, is refused by its names where it is loaded; resnet20 has one stem.
  const stem = config.resnetType === "resnet20"
    ? "cifar"
    : encoder?.stem ?? stemOf({ datasetName: trained.datasetName ?? config.datasetName });
  const usual = stem === stemOf(config) ? config.datasetName : USUAL[stem];
  const { datasetName = usual, preset = null, imageSize = null } = trained;
  const side = viewsOf({ datasetName, preset, imageSize }).view1.cropSize;
  const isTransfer = datasetName !== config.datasetName;
  return {
    config: isTransfer ? { ...config, imageSize: config.imageSize ?? side } : config,
    learner: createLearner(config, stem),
  };
}
