/**
 * Model of the cost of a linear evaluation: the work in forward passes, and the seconds at the speed of the training.
 * `deno task plan` and the benches use it.
 *
 * @module
 */

import { HELD_OUT_SHARE, SWEPT_RATES } from "../recipes/probe.ts";

/** Cost of a view, in forward passes: one through the online network, two for the backward pass, one through the target. */
const FORWARDS_PER_VIEW = 4;
/** Cost of the rotation auxiliary: four views of a quarter of the pixels, which the target does not see. */
const FORWARDS_OF_ROTATIONS = 4 * 0.25 * (FORWARDS_PER_VIEW - 1);
/** Lower bound of the images per second that a probe learns from features in memory. */
const FEATURES_PER_SECOND = 500_000;

/** Options that decide how much a linear evaluation computes. */
export interface EvaluationCostOptions {
  /** Epochs of the probe. */
  probeEpochs: number;
  /** True where the probe learns from random crops, which are embedded in every epoch; false: once for each image. */
  probeAugment: boolean;
  /** True where the probe's learning rate is chosen on held-out training images. */
  probeSweep: boolean;
}

/** Work of one linear evaluation, in images. */
export interface EvaluationWork {
  /** Forward passes of the encoder. */
  forwards: number;
  /** Images whose stored features a classifier learns from, summed over all its epochs. */
  fromFeatures: number;
}

/** Returns the cost of one training image, in forward passes of the encoder. */
function forwardsPerImage({ rotationWeight }: { rotationWeight: number }): number {
  return 2 * FORWARDS_PER_VIEW + (rotationWeight > 0 ? FORWARDS_OF_ROTATIONS : 0);
}

/** Returns the work of one linear evaluation together with its k-NN evaluation (evaluate/linear.ts). */
export function evaluationWork(
  { train, test }: { train: number; test: number },
  { probeEpochs, probeAugment, probeSweep }: EvaluationCostOptions,
): EvaluationWork {
  const neighbours = train + test;
  if (probeAugment) {
    return { forwards: neighbours + probeEpochs * train + test, fromFeatures: 0 };
  }
  const tried = probeSweep ? SWEPT_RATES.length * (1 - HELD_OUT_SHARE) : 0;
  return { forwards: neighbours, fromFeatures: (tried + 1) * probeEpochs * train };
}

/**
 * Returns the seconds of one linear evaluation.
 *
 * @param speed.imagesPerSecond source images per second of the training
 * @param speed.rotationWeight weight of the rotation auxiliary in that training; 0 by default
 * @param speed.efficiency speed of a forward pass in evaluation, as a share of the speed in training; 1 by default
 */
export function evaluationSeconds(
  { forwards, fromFeatures }: EvaluationWork,
  { imagesPerSecond, rotationWeight = 0, efficiency = 1 }: {
    imagesPerSecond: number;
    rotationWeight?: number;
    efficiency?: number;
  },
): number {
  return forwards / (forwardsPerImage({ rotationWeight }) * efficiency * imagesPerSecond) +
    fromFeatures / FEATURES_PER_SECOND;
}
