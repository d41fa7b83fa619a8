/**
 * The linear probe on features that are computed once, and the choice of its learning rate on training images that
 * are held out: the test images decide nothing.
 *
 * @module
 */

import { AnswerCounter } from "./by_class.ts";
import type { ClassifierOptions } from "./classifier_options.ts";
import type { Features } from "../native/features.ts";
import { Probe } from "../native/probe.ts";
import { HELD_OUT_SHARE, SWEPT_RATES } from "../recipes/probe.ts";
import { probeLearningRateAt } from "../recipes/schedules.ts";
import type { Ranks } from "../distributed/ranks.ts";

/** Options of probeOnFeatures. */
export interface FeatureProbeOptions extends ClassifierOptions {
  /** Length of an embedding. */
  features: number;
  /** Number of classes. */
  classes: number;
  /** Number of training images. */
  count: number;
}

/** Accuracies of a probe in percent on a set of images; its answers by class where they were asked for. */
export interface ProbeAccuracies {
  top1: number;
  top5: number;
  /** Numbers of images: a row for each true class, a column for each answer. */
  confusion?: number[][];
}

/** Accuracies of a probe on each set of images, and the details of a sweep. */
export interface Probed {
  accuracies: ProbeAccuracies[];
  details?: Record<string, number>;
}

/** Callback after each epoch with the share that is done, 0 to 1; true stops the training. */
type OnProgress = (probe: Probe, done: number) => Promise<boolean>;

/** Returns accuracies in percent from three counts: tested images, right top-1 guesses, right top-5 guesses. */
export function accuracyOf(
  [seen = 0, first = 0, five = 0]: readonly number[],
): { top1: number; top5: number } {
  return { top1: 100 * first / seen, top5: 100 * five / seen };
}

/** Accuracies of a probe that is tested on one set of images after another, whose counts only grow. */
export class TestCounts {
  /** Accuracies on each set, in the order of the tests. */
  readonly accuracies: ProbeAccuracies[] = [];
  readonly #probe: Probe;
  readonly #ranks: Pick<Ranks, "sum">;
  readonly #answers: AnswerCounter | undefined;
  #before: readonly number[] = [0, 0, 0];

  constructor(
    probe: Probe,
    { ranks = { sum: (counts) => [...counts] }, byClass = false }: {
      ranks?: Pick<Ranks, "sum">;
      byClass?: boolean | undefined;
    } = {},
  ) {
    this.#probe = probe;
    this.#ranks = ranks;
    if (byClass) this.#answers = new AnswerCounter(() => probe.answers(), ranks);
  }

  /** Adds the accuracies on the set that was tested last. All ranks must call it. @returns the number of images */
  endSet(): number {
    const counts = this.#ranks.sum(this.#probe.counts());
    const ofSet = counts.map((count, at) => count - this.#before[at]!);
    this.accuracies.push({ ...accuracyOf(ofSet), ...this.#answers?.endSet() });
    this.#before = counts;
    return ofSet[0] ?? 0;
  }
}

/**
 * Trains and tests a probe on features. Every rank trains the same probe on all training images, and tests it on the
 * rank's own shard of each set of test images.
 *
 * @returns accuracies on each set, with the details of a sweep; undefined where `onProgress` stopped the training
 */
export async function probeOnFeatures(
  { train, tests, ranks, byClass, keep }: {
    train: Features;
    tests: readonly Features[];
    ranks: Ranks;
    byClass?: boolean | undefined;
    keep?(probe: Probe): void;
  },
  options: FeatureProbeOptions,
  onProgress: OnProgress,
): Promise<Probed | undefined> {
  const { seed, sweep, count } = options;
  const heldOut = sweep ? Math.max(1, Math.floor(HELD_OUT_SHARE * count)) : 0;
  const rates = sweep ? SWEPT_RATES : [];
  let chosen = { rate: options.learningRate, top1: -1 };
  for (const [index, rate] of rates.entries()) {
    using probe = createProbe(options);
    const span = { from: index / (rates.length + 1), to: (index + 1) / (rates.length + 1) };
    if (await trainProbe({ probe, train }, { ...options, rate, heldOut, span }, onProgress)) return;
    ranks.joinProbe(probe);
    train.test(probe, { seed, heldOut });
    // Every rank has tested all held-out images; all choose by rank 0's counts, to which the others add zeros.
    const { top1 } = accuracyOf(ranks.sum(ranks.isRankZero ? probe.counts() : [0, 0, 0]));
    // Of equally good rates, the smallest is chosen.
    if (top1 > chosen.top1) chosen = { rate, top1 };
  }
  using probe = createProbe(options);
  const span = { from: rates.length / (rates.length + 1), to: 1 };
  const { rate } = chosen;
  if (await trainProbe({ probe, train }, { ...options, rate, heldOut: 0, span }, onProgress)) {
    return;
  }
  ranks.joinProbe(probe);
  const tested = new TestCounts(probe, { ranks, byClass });
  for (const images of tests) {
    images.test(probe, { seed, heldOut: 0 });
    tested.endSet();
  }
  keep?.(probe);
  const details = sweep ? { probe_learning_rate: rate, held_out_top1: chosen.top1 } : undefined;
  return { accuracies: tested.accuracies, ...details && { details } };
}

function createProbe(options: FeatureProbeOptions): Probe {
  const { features, classes, dtype, device, seed, momentum, weightDecay } = options;
  return Probe.create({ features, classes, dtype, device, seed, momentum, weightDecay });
}

interface Training extends FeatureProbeOptions {
  rate: number;
  heldOut: number;
  span: { from: number; to: number };
}

/** Trains a probe on features. @returns true where `onProgress` stopped the training */
async function trainProbe(
  { probe, train }: { probe: Probe; train: Features },
  options: Training,
  onProgress: OnProgress,
): Promise<boolean> {
  const { seed, batchSize, epochs, count, heldOut, rate, span } = options;
  const stepsPerEpoch = Math.ceil((count - heldOut) / batchSize);
  const totalSteps = epochs * stepsPerEpoch;
  for (let step = 0; step < totalSteps; step++) {
    const learningRate = probeLearningRateAt(step, { baseLearningRate: rate, totalSteps });
    train.train(probe, { seed, step, batchSize, heldOut }, learningRate);
    if ((step + 1) % stepsPerEpoch !== 0) continue;
    if (await onProgress(probe, span.from + (span.to - span.from) * (step + 1) / totalSteps)) {
      return true;
    }
  }
  return false;
}
