/**
 * Options of linear evaluation, from a run's options.
 *
 * @module
 */

import { parseNeighbours } from "../recipes/neighbours.ts";
import { LOGIT_CLIP } from "../recipes/probe.ts";
import { probeTransformsOf } from "../recipes/preset_views.ts";
import { viewsOf } from "../recipes/view_schedule.ts";
import type { RunConfig } from "../options/config.ts";
import { deviceOf } from "../runtime/device.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import type { EvaluationOptions } from "./linear.ts";

/**
 * Returns the options of linear evaluation that follow from a run's options.
 *
 * @param device device of the classifier, "cpu" or "cuda:0"; by default the one that the options name
 */
export function evaluationOptions(
  config: RunConfig,
  device: string = deviceOf(config, SINGLE_PROCESS),
): EvaluationOptions {
  const logistic = config.protocol === "logreg";
  const clipped = config.protocol === "clipped";
  const transforms = probeTransformsOf(config);
  const { crop } = transforms.test;
  return {
    seed: config.seed,
    dtype: config.dtype,
    device,
    transforms: {
      train: clipped ? viewsOf(config).view1 : transforms.train,
      // D.2 resizes the shorter side to the side of the crop.
      test: logistic ? { resize: crop, crop } : transforms.test,
    },
    logistic,
    logitClip: clipped ? LOGIT_CLIP : undefined,
    epochs: config.probeEpochs,
    batchSize: config.probeBatchSize,
    learningRate: config.probeLearningRate,
    momentum: config.probeMomentum,
    weightDecay: config.probeWeightDecay,
    augment: config.probeAugment,
    sweep: config.probeSweep,
    neighbours: config.knn === null ? undefined : parseNeighbours(config.knn),
  };
}
