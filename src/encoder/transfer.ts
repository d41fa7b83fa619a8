/** Transfer: an encoder that is evaluated on another data set keeps its network and, by default, its image size. */

import { viewsOf } from "../recipes/view_schedule.ts";
import type { RunConfig } from "../options/config.ts";
import { type StoredOptions, storedOptions } from "../options/stored.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { type Stem, stemOf } from "../recipes/stem.ts";
import { createLearner } from "./learner.ts";

/** Options that describe the images that an encoder was trained on. */
type Trained = Partial<Pick<RunConfig, "datasetName" | "preset" | "imageSize">>;

/** The usual data set of each stem, for encoders of other programs, whose files name no data set. */
const USUAL: Readonly<Record<Stem, RunConfig["datasetName"]>> = {
  imagenet: "imagenet",
  cifar: "cifar10",
};

/**
 * Returns the options to evaluate or embed with, and an untrained learner that the checkpoint's encoder can be loaded
 * into.
 *
 * @param config options of the evaluation
 * @param parts.found description of the checkpoint
 * @param parts.device device of the learner
 * @returns config equals the given one except preset, which is that of the training on the same data set (its test crop
 * counts), and imageSize (pixels): on another data set than in training, it defaults to the side of the views in
 * training. For a file of another program, the stem decides between the side of CIFAR-10 and the side of ImageNet
 */
export function transferred(
  config: RunConfig,
  { found, device }: {
    found: Pick<CheckpointDescription, "metadata" | "encoder">;
    device: string;
  },
): { config: RunConfig; learner: Learner } {
  const { metadata, encoder } = found;
  const trained: Trained = storedOptions((metadata?.config ?? {}) as StoredOptions);
  // An encoder that does not fit is refused by its tensors' names when it is loaded; resnet20 has one stem only.
  const stem = config.resnetType === "resnet20" ? "cifar" : encoder?.stem ??
    stemOf({ ...config, datasetName: trained.datasetName ?? config.datasetName });
  const usual = stem === stemOf({ datasetName: config.datasetName })
    ? config.datasetName
    : USUAL[stem];
  const { datasetName = usual, preset = null, imageSize = null } = trained;
  const side = viewsOf({ datasetName, preset, imageSize }).view1.cropSize;
  const isTransfer = datasetName !== config.datasetName;
  return {
    config: isTransfer
      ? { ...config, imageSize: config.imageSize ?? side }
      : { ...config, preset: config.preset ?? preset },
    learner: createLearner(config, { stem, device }),
  };
}
