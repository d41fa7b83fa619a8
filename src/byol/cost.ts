/**
 * The work of a linear evaluation, and its time by the speed of the training: the one model of cost, for
 * `deno task plan` and the benches.
 *
 * @module
 */

import { HELD_OUT_SHARE, SWEPT_RATES } from "../recipes/probe.ts";

/**
 * Forward passes of the encoder that one training image costs: two views, each once through the online network
 * forward, twice as much backward, and once through the target.
 */
export const FORWARDS_PER_IMAGE = 8;
/** Images a second that a probe learns from features in memory, at least. */
const FEATURES_PER_SECOND = 500_000;

/** Options that decide how much a linear evaluation computes. */
export interface EvaluationCostOptions {
  /** Epochs of the probe. */
  probeEpochs: number;
  /** The probe sees random crops, each embedded anew; off: each image is embedded once. */
  probeAugment: boolean;
  /** The probe's rate is chosen on held-out training images. */
  probeSweep: boolean;
}

/** Work of one linear evaluation, in images. */
export interface EvaluationWork {
  /** Forward passes of the encoder. */
  forwards: number;
  /** Images that a classifier learns from by their features alone, over all its epochs. */
  fromFeatures: number;
}

/** Returns the work of one linear evaluation with its nearest neighbours (evaluate/linear.ts). */
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
 * @param speed.imagesPerSecond source images a second of the training
 * @param speed.efficiency of a forward pass in evaluation, as a share of the training's; 1 by default
 */
export function evaluationSeconds(
  { forwards, fromFeatures }: EvaluationWork,
  { imagesPerSecond, efficiency = 1 }: { imagesPerSecond: number; efficiency?: number },
): number {
  return forwards / (FORWARDS_PER_IMAGE * efficiency * imagesPerSecond) +
    fromFeatures / FEATURES_PER_SECOND;
}
