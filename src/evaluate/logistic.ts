/**
 * Linear transfer as in BYOL, appendix D.2: L2-regularised multinomial logistic regression on the frozen encoder's
 * features by L-BFGS, with the strength of the penalty chosen on training images that are held out.
 *
 * @module
 */

import type { Ranks } from "../distributed/ranks.ts";
import type { Features } from "../native/features.ts";
import { Probe } from "../native/probe.ts";
import { Regression } from "../native/regression.ts";
import {
  CHANGE_TOLERANCE,
  GRADIENT_TOLERANCE,
  HELD_OUT_SHARE,
  ITERATIONS_PER_STEP,
  MOST_ITERATIONS,
  STRENGTHS,
} from "../recipes/probe.ts";
import { accuracyOf, type FeatureProbeOptions, type Probed, TestCounts } from "./feature_probe.ts";

/** Features to learn from and to test on. */
interface RegressionParts {
  train: Features;
  tests: readonly Features[];
  ranks: Ranks;
  byClass?: boolean | undefined;
  /** Called with the final weights, which are the same on all ranks. */
  keep?(probe: Probe): void;
}

/** Options that the regression needs of those of a probe. */
type RegressionOptions = Pick<
  FeatureProbeOptions,
  "features" | "classes" | "count" | "seed" | "dtype" | "device"
>;

/** Callback after some iterations with the share that is done, 0 to 1; true stops the regression. */
type OnProgress = (probe: Probe, done: number) => Promise<boolean>;

/** A strength, and its accuracy on the held-out images. */
interface Tried {
  strength: number;
  top1: number;
}

/**
 * Chooses the strength of the penalty, regresses on all training images and tests. Every rank regresses on all training
 * images, and tests on its own shard of each set of test images.
 *
 * @returns accuracies on each set, with the chosen strength as details; undefined where `onProgress` stopped the work
 */
export async function regressOnFeatures(
  parts: RegressionParts,
  options: RegressionOptions,
  onProgress: OnProgress,
): Promise<Probed | undefined> {
  const { train, tests, ranks, byClass, keep } = parts;
  const { seed, count } = options;
  const heldOut = Math.max(1, Math.floor(HELD_OUT_SHARE * count));
  const half = (from: number): OnProgress => (probe, done) => onProgress(probe, from + done / 2);
  const tried: Tried[] = [];
  const test = (probe: Probe, strength: number): void => {
    train.test(probe, { seed, heldOut });
    // Every rank has tested all held-out images; all choose by rank 0's counts, to which the others add zeros.
    const { top1 } = accuracyOf(ranks.sum(ranks.isRankZero ? probe.counts() : [0, 0, 0]));
    tried.push({ strength, top1 });
  };
  if (await walk(parts, { ...options, heldOut, strengths: STRENGTHS, test }, half(0))) return;
  const chosen = best(tried);
  // On all images again from the strongest penalty, as far as the chosen one.
  const strengths = STRENGTHS.slice(0, STRENGTHS.indexOf(chosen.strength) + 1);
  const tested: Probed[] = [];
  const testAll = (probe: Probe, strength: number): void => {
    if (strength !== chosen.strength) return;
    const counts = new TestCounts(probe, { ranks, byClass });
    for (const images of tests) {
      images.test(probe, { seed, heldOut: 0 });
      counts.endSet();
    }
    keep?.(probe);
    const details = { l2_strength: strength, held_out_top1: chosen.top1 };
    tested.push({ accuracies: counts.accuracies, details });
  };
  if (await walk(parts, { ...options, heldOut: 0, strengths, test: testAll }, half(0.5))) return;
  return tested[0];
}

/** Returns the best of the strengths; of equally good ones the strongest, which stands first. */
function best(tried: readonly Tried[]): Tried {
  return tried.reduce((found, one) => one.top1 > found.top1 ? one : found);
}

interface Path extends RegressionOptions {
  heldOut: number;
  /** Strengths in descending order: each regression begins at the weights of the one before. */
  strengths: readonly number[];
  /** Called with the weights that each strength leads to. */
  test(probe: Probe, strength: number): void;
}

/** Regresses with one strength after another. @returns true where `onProgress` stopped it */
async function walk(
  { train, ranks }: Pick<RegressionParts, "train" | "ranks">,
  { features, classes, seed, dtype, device, heldOut, strengths, test }: Path,
  onProgress: OnProgress,
): Promise<boolean> {
  using regression = Regression.create(train, { classes, seed, heldOut });
  for (const [index, strength] of strengths.entries()) {
    using probe = Probe.create({
      ...{ features, classes, dtype, seed, ...device !== undefined && { device } },
      ...{ momentum: 0, weightDecay: 0 },
    });
    regression.begin({
      strength,
      iterations: ITERATIONS_PER_STEP,
      gradientTolerance: GRADIENT_TOLERANCE,
      changeTolerance: CHANGE_TOLERANCE,
    });
    for (let made = 0, ended = false; !ended && made < MOST_ITERATIONS;) {
      const { iterations, converged } = regression.step();
      // On processors of different types the ranks could end at different iterations: all follow rank 0.
      const [done = 0, of = 0] = ranks.sum(
        ranks.isRankZero ? [iterations, Number(converged)] : [0, 0],
      );
      made += done;
      ended = of > 0;
      if (await onProgress(probe, (index + made / MOST_ITERATIONS) / strengths.length)) return true;
    }
    regression.give(probe);
    ranks.joinProbe(probe);
    test(probe, strength);
  }
  return false;
}
