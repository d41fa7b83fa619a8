/**
 * Options of linear evaluation, from a run's options.
 *
 * @module
 */

import { parseNeighbours } from "../recipes/neighbours.ts";
import { probeTransformsOf } from "../recipes/preset_views.ts";
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
  return {
    seed: config.seed,
    dtype: config.dtype,
    device,
    transforms: probeTransformsOf(config),
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
