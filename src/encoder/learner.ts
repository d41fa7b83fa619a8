/**
 * The learner that a run's options describe.
 *
 * @module
 */

import type { RunConfig } from "../options/config.ts";
import { deviceOf, precisionOf } from "../runtime/device.ts";
import { Learner, type LearnerOptions } from "../native/learner.ts";
import { stemOf } from "../recipes/stem.ts";

/**
 * Creates the learner that the options describe, with weights drawn from the seed.
 *
 * @param stem of an encoder that was trained on other images; by default the one for the data set's images
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
