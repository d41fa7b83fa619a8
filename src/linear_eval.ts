/**
 * Linear evaluation by the original protocol, and k nearest neighbours beside it. The encoder is frozen: its
 * weights, its running statistics and the training stream stay as they are.
 *
 * @module
 */

import type { ProbeTransforms } from "./augment.ts";
import { yieldToEvents } from "./event_loop.ts";
import type { Dataset } from "./native/dataset.ts";
import type { Learner } from "./native/learner.ts";
import { probeOnFeatures } from "./feature_probe.ts";
import { FeatureBank, Features, Probe } from "./native/probe.ts";
import { probeLearningRateAt } from "./schedules.ts";

/** Neighbours and temperature of the weighted k-NN classifier (Wu et al. 2018). */
export const KNN = { k: 200, temperature: 0.1 } as const;
const CENTERED_BATCH = 250;

/** What an evaluation goes by. */
export interface EvaluationOptions {
  seed: number;
  dtype: "float32" | "float64";
  transforms: ProbeTransforms;
  epochs: number;
  /** Images. */
  batchSize: number;
  learningRate: number;
  momentum: number;
  weightDecay: number;
  /** Whether the probe sees random crops and flips, each anew; else features are computed once. */
  augment: boolean;
  /** Whether the probe's learning rate is chosen on held-out training images; only without augmentation. */
  sweep: boolean;
}

/** What is evaluated, and on which images. */
export interface EvaluationParts {
  learner: Learner;
  train: Dataset;
  test: Dataset;
}

/** Accuracies in percent. */
export interface Accuracies {
  top1: number;
  top5: number;
  knn_top1: number;
  /** What a sweep of the learning rate chose, and by what. */
  details?: Record<string, number>;
}

/** What an evaluation has just done with a batch, and what it holds: enough to recompute it elsewhere. */
export type EvaluationStage =
  | { stage: "bank" | "neighbours"; bank: FeatureBank }
  | { stage: "probe" | "test"; probe: Probe };

/** Called between batches with the share that is done, 0 to 1; true stops the evaluation. */
export type Between = (done: number, stage: EvaluationStage) => boolean | void;

/** @returns the accuracies, or undefined when `between` stopped it */
export async function evaluate(
  parts: EvaluationParts,
  options: EvaluationOptions,
  between: Between = () => {},
): Promise<Accuracies | undefined> {
  const { learner, train, test } = parts;
  for (const dataset of [train, test]) dataset.setProbe(options.batchSize, options.transforms);
  const { count, classes } = train.describe();
  const stepsPerEpoch = Math.ceil(count / options.batchSize);
  const totalSteps = options.epochs * stepsPerEpoch;
  const testCount = test.describe().count;
  // In images, so that the progress is even.
  const total = count + 2 * testCount + options.epochs * count;
  let done = 0;
  const stopped = async (images: number, stage: EvaluationStage): Promise<boolean> => {
    done += images;
    await yieldToEvents();
    return between(done / total, stage) === true;
  };

  using bank = FeatureBank.create();
  // Without augmentation, what the neighbours are looked up with is also what the probe learns from.
  using trainFeatures = options.augment ? undefined : Features.create();
  using testFeatures = options.augment ? undefined : Features.create();
  for (const [start, size] of chunks(count)) {
    train.makeCentered(start, size);
    bank.append(learner, train);
    trainFeatures?.append(learner, train);
    if (await stopped(size, { stage: "bank", bank })) return undefined;
  }
  let [right, tested] = [0, 0];
  for (const [start, size] of chunks(testCount)) {
    test.makeCentered(start, size);
    const found = bank.classify(learner, test, KNN);
    testFeatures?.append(learner, test);
    right += found.right;
    // A file that cannot be used is not tested.
    tested += found.tested;
    if (await stopped(size, { stage: "neighbours", bank })) return undefined;
  }

  const shape = { features: learner.features(), classes };
  if (trainFeatures !== undefined && testFeatures !== undefined) {
    const found = await probeOnFeatures(
      { train: trainFeatures, test: testFeatures },
      { ...options, ...shape, count },
      async (probe, share) => {
        await yieldToEvents();
        const before = (count + testCount) / total;
        return between(before + (1 - before) * share, { stage: "probe", probe }) === true;
      },
    );
    return found && { ...found, knn_top1: 100 * right / tested };
  }
  using probe = Probe.create({
    ...shape,
    dtype: options.dtype,
    seed: options.seed,
    momentum: options.momentum,
    weightDecay: options.weightDecay,
  });
  const rates = { baseLearningRate: options.learningRate, totalSteps };
  for (let step = 0; step < totalSteps; step++) {
    train.makeProbeBatch(options.seed, step);
    probe.train(learner, train, probeLearningRateAt(step, rates));
    if (await stopped(options.batchSize, { stage: "probe", probe })) return undefined;
  }
  for (const [start, size] of chunks(testCount)) {
    test.makeCentered(start, size);
    probe.test(learner, test);
    if (await stopped(size, { stage: "test", probe })) return undefined;
  }
  return { ...probe.accuracy(), knn_top1: 100 * right / tested };
}

function* chunks(count: number): Generator<[start: number, size: number]> {
  for (let start = 0; start < count; start += CENTERED_BATCH) {
    yield [start, Math.min(CENTERED_BATCH, count - start)];
  }
}
