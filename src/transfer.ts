/** Transfer: an encoder on other images than those it was trained on keeps its network and the side of its views. */

import { viewsOf } from "./augment_schedule.ts";
import { describeOrThrow } from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import type { Learner } from "./native/learner.ts";
import { stemOf } from "./stem.ts";
import { createLearner } from "./train.ts";

/** What a checkpoint says that it was trained on. */
type Trained = Partial<Pick<RunConfig, "datasetName" | "preset" | "imageSize">>;

/**
 * The options to evaluate or embed with, and an untrained learner that the checkpoint's encoder fits into.
 *
 * @returns config is the one given, but for imageSize (pixels): where nobody says it and the images are others than in
 * training, that of the views trained on
 * @throws UserError (checkpoint) when the file is missing or damaged
 */
export function transferred(config: RunConfig): { config: RunConfig; learner: Learner } {
  const trained = (describeOrThrow(config.checkpoint ?? "").metadata?.config ?? {}) as Trained;
  const { datasetName = config.datasetName, preset = null, imageSize = null } = trained;
  const side = viewsOf({ datasetName, preset, imageSize }).view1.cropSize;
  const isTransfer = datasetName !== config.datasetName;
  return {
    config: isTransfer ? { ...config, imageSize: config.imageSize ?? side } : config,
    learner: createLearner(config, stemOf({ datasetName })),
  };
}
