/**
 * Creation of a learner from a run's options.
 *
 * @module
 */

import type { RunConfig } from "../options/config.ts";
import { deviceOf, precisionOf } from "../runtime/device.ts";
import { Learner, type LearnerOptions } from "../native/learner.ts";
import { stemOf } from "../recipes/stem.ts";

/**
 * Creates a learner from the options of a run, with weights drawn from the seed.
 *
 * @param stem stem of the encoder; by default the one for the data set's images
 */
export function createLearner(
  config: RunConfig,
  stem: LearnerOptions["stem"] = stemOf(config),
): Learner {
  const { resnetType, hiddenDim, zDim, bnViews, larsVariant, dtype, seed } = config;
  return Learner.create({
    resnetType,
    stem,
    hiddenDim,
    zDim,
    bnViews,
    larsVariant,
    dtype,
    device: deviceOf(config),
    precision: precisionOf(config),
    activationCheckpointing: config.activationCheckpointing,
    seed,
  });
}
