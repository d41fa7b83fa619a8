/**
 * Creation of a learner from a run's options.
 *
 * @module
 */

import type { RunConfig } from "../options/config.ts";
import { deviceOf, precisionOf } from "../runtime/device.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { Learner, type LearnerOptions } from "../native/learner.ts";
import { ROTATION_HIDDEN_DIM } from "../recipes/rotation.ts";
import { stemOf } from "../recipes/stem.ts";

/**
 * Creates a learner from the options of a run, with weights drawn from the seed.
 *
 * @param options.stem stem of the encoder; by default the one for the data set's images
 * @param options.device device of the networks, "cpu" or "cuda:0"; by default the one that the options name
 * @param options.rotationHiddenDim width of the hidden layers of the rotation auxiliary's head; 2048 by default
 */
export function createLearner(
  config: RunConfig,
  {
    stem = stemOf(config),
    device = deviceOf(config, SINGLE_PROCESS),
    rotationHiddenDim = ROTATION_HIDDEN_DIM,
  }: {
    stem?: LearnerOptions["stem"];
    device?: string;
    rotationHiddenDim?: number;
  } = {},
): Learner {
  const { resnetType, hiddenDim, zDim, heads, bnViews, larsVariant, rotationWeight, dtype, seed } =
    config;
  return Learner.create({
    resnetType,
    stem,
    hiddenDim,
    zDim,
    heads,
    bnViews,
    larsVariant,
    rotation: rotationWeight > 0 ? { weight: rotationWeight, hiddenDim: rotationHiddenDim } : null,
    dtype,
    device,
    precision: precisionOf(config, device),
    activationCheckpointing: config.activationCheckpointing,
    seed,
  });
}
