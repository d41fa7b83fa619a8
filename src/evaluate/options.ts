/**
 * Options of linear evaluation, from a run's options.
 *
 * @module
 */

import { PROBE_TRANSFORMS, probeAtSize } from "../recipes/views.ts";
import type { RunConfig } from "../options/config.ts";
import { deviceOf } from "../runtime/device.ts";
import type { EvaluationOptions } from "./linear.ts";

/** Returns the options of linear evaluation that follow from a run's options. */
export function evaluationOptions(config: RunConfig): EvaluationOptions {
  return {
    seed: config.seed,
    dtype: config.dtype,
    device: deviceOf(config),
    transforms: config.imageSize === null
      ? PROBE_TRANSFORMS[config.datasetName]
      : probeAtSize(PROBE_TRANSFORMS[config.datasetName], config.imageSize),
    epochs: config.probeEpochs,
    batchSize: config.probeBatchSize,
    learningRate: config.probeLearningRate,
    momentum: config.probeMomentum,
    weightDecay: config.probeWeightDecay,
    augment: config.probeAugment,
    sweep: config.probeSweep,
  };
}
