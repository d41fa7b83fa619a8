/**
 * Linear evaluation by the original protocol, and k nearest neighbours beside it. The encoder is frozen: its
 * weights, its running statistics and the training stream stay as they are.
 *
 * @module
 */

import type { ProbeTransforms } from "../recipes/views.ts";
import type { ClassifierOptions } from "./classifier_options.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { isInterrupted } from "../runtime/interrupt.ts";
import { accuracyOf, probeOnFeatures } from "./feature_probe.ts";
import { FeatureBank } from "../native/feature_bank.ts";
import { Features } from "../native/features.ts";
import { Probe } from "../native/probe.ts";
import { probeLearningRateAt } from "../recipes/schedules.ts";
import { Ranks } from "../distributed/ranks.ts";

/** Neighbours and temperature of the weighted k-NN classifier (Wu et al. 2018). */
export const KNN = { k: 200, temperature: 0.1 } as const;
const CENTERED_BATCH = 250;

/** Options of an evaluation. */
export interface EvaluationOptions extends ClassifierOptions {
  /** Crops of training and test images. */
  transforms: ProbeTransforms;
  /** True to give the probe random crops and flips, anew each epoch; false to compute features once. A sweep needs false. */
  augment: boolean;
}

/** Encoder to evaluate, and the images. */
export interface EvaluationParts {
  /** Whose online encoder is evaluated, in eval mode. */
  learner: Learner;
  /** Images that the probe learns from and that neighbours are looked up in. */
  train: Dataset;
  /** Images to classify. */
  test: Dataset;
  /**
   * The ranks that share the work; without: one. The training images must know their share.
   *
   * @internal
   */
  ranks?: Ranks;
  /**
   * Hears of the final probe, which all ranks have alike, before it is closed.
   *
   * @internal
   */
  keep?(probe: Probe): void;
}

/** Accuracies in percent. */
export interface Accuracies {
  /** Of the linear probe. */
  top1: number;
  /** Of the linear probe: the right class is among its five likeliest. */
  top5: number;
  /** Of the weighted nearest neighbours. */
  knn_top1: number;
  /** Test images. Those of files that cannot be used are not among them. */
  tested: number;
  /** Choice of a sweep of the learning rate, and its held-out accuracy. */
  details?: Record<string, number>;
}

/** Stage of an evaluation after a batch, with the data to recompute the batch elsewhere. */
export type EvaluationStage =
  | { stage: "bank" | "neighbours"; bank: FeatureBank }
  | { stage: "probe" | "test"; probe: Probe };

/** Called between batches with the share that is done, 0 to 1; true stops the evaluation. */
export type OnProgress = (done: number, stage: EvaluationStage) => boolean | void;

/**
 * Evaluates; several ranks share the work and come to the same accuracies, those of one rank bit for bit. Each rank
 * embeds its share of the images. All get all embeddings of the training images, and all train the same probe; each
 * tests its own share of the test images, and the counts are summed.
 *
 * @returns the accuracies, or undefined when a signal stopped it, or `between` of any rank
 */
export async function evaluate(
  parts: EvaluationParts,
  options: EvaluationOptions,
  onProgress: OnProgress = () => {},
): Promise<Accuracies | undefined> {
  const { learner, train, test, ranks = Ranks.alone(), keep } = parts;
  for (const dataset of [train, test]) dataset.setProbe(options.batchSize, options.transforms);
  const { count, classes } = train.describe();
  const testCount = test.describe().count;
  // In images, so that the progress is even.
  const total = count + 2 * testCount + options.epochs * count;
  const work = new SharedWork(ranks, { total, onProgress });
  // Without augmentation, what the neighbours are looked up with is also what the probe learns from.
  using trainFeatures = options.augment ? undefined : Features.create();
  using testFeatures = options.augment ? undefined : Features.create();
  const near = await neighbours(parts, work, { train: trainFeatures, test: testFeatures });
  if (near === undefined) return undefined;

  const shape = { features: learner.features(), classes };
  const probed = trainFeatures !== undefined && testFeatures !== undefined
    ? await probeOnFeatures(
      { train: trainFeatures, test: testFeatures, ranks, keep },
      { ...options, ...shape, count },
      async (probe, share) => {
        const before = (count + testCount) / total;
        await work.reached(before + (1 - before) * share, { stage: "probe", probe });
        return !work.allGoOn(() => {});
      },
    )
    : await probeOnViews(parts, { ...options, ...shape }, work);
  if (probed === undefined || !work.allGoOn(() => {})) return undefined;
  return { ...probed, ...near };
}

/** Trains and tests the probe on random crops and flips, as the reference program does. @returns undefined when stopped */
async function probeOnViews(
  { learner, train, test, ranks = Ranks.alone(), keep }: EvaluationParts,
  options: EvaluationOptions & { features: number; classes: number },
  work: SharedWork,
): Promise<{ top1: number; top5: number } | undefined> {
  const { features, classes, dtype, device, seed, momentum, weightDecay } = options;
  using probe = Probe.create({ features, classes, dtype, device, seed, momentum, weightDecay });
  const totalSteps = options.epochs * Math.ceil(train.describe().count / options.batchSize);
  const rates = { baseLearningRate: options.learningRate, totalSteps };
  for (let step = 0; step < totalSteps; step++) {
    const go = work.allGoOn(() => {
      train.makeProbeBatch(options.seed, step);
      train.embed(learner);
    });
    if (!go) return undefined;
    ranks.gather(train);
    probe.train(learner, train, probeLearningRateAt(step, rates));
    await work.did(options.batchSize, { stage: "probe", probe });
  }
  ranks.joinProbe(probe);
  for (const { start, size, ofAll } of shardedBatches(test.describe().count, ranks.rankInfo)) {
    const go = work.allGoOn(() => {
      test.makeCenterCrops(start, size);
      probe.test(learner, test);
    });
    if (!go) return undefined;
    await work.did(ofAll, { stage: "test", probe });
  }
  keep?.(probe);
  return accuracyOf(ranks.sum(probe.counts()));
}

/** Evaluates by nearest neighbours alone, shared likewise. @returns as evaluate() does, without the probe */
export async function classifyByNeighbours(
  parts: EvaluationParts,
  { batchSize, transforms }: Pick<EvaluationOptions, "batchSize" | "transforms">,
  onProgress: OnProgress = () => {},
): Promise<Pick<Accuracies, "knn_top1" | "tested"> | undefined> {
  const { train, test, ranks = Ranks.alone() } = parts;
  for (const dataset of [train, test]) dataset.setProbe(batchSize, transforms);
  const total = train.describe().count + test.describe().count;
  const work = new SharedWork(ranks, { total, onProgress });
  const near = await neighbours(parts, work);
  return work.allGoOn(() => {}) ? near : undefined;
}

/** Work that ranks do round by round, its progress, and the agreement to continue. */
class SharedWork {
  readonly #ranks: Ranks;
  readonly #total: number;
  readonly #onProgress: OnProgress;
  #done = 0;
  #stop = false;

  constructor(ranks: Ranks, { total, onProgress }: { total: number; onProgress: OnProgress }) {
    this.#ranks = ranks;
    this.#total = total;
    this.#onProgress = onProgress;
  }

  /** Does this rank's part of a round; returns true where all ranks continue. */
  allGoOn(work: () => void): boolean {
    if (!this.#stop) this.#stop = isInterrupted(work);
    return !this.#ranks.any(this.#stop);
  }

  /** After a round of so many images of all ranks. */
  async did(images: number, stage: EvaluationStage): Promise<void> {
    this.#done += images;
    await this.reached(this.#done / this.#total, stage);
  }

  /** At a share of the whole. */
  async reached(share: number, stage: EvaluationStage): Promise<void> {
    await yieldToEvents();
    this.#stop ||= this.#onProgress(share, stage) === true;
  }
}

/** Embeds the training images, looks the test images' neighbours up among them, and adds both to what is kept. */
async function neighbours(
  { learner, train, test, ranks = Ranks.alone() }: EvaluationParts,
  work: SharedWork,
  kept: { train?: Features; test?: Features } = {},
): Promise<Pick<Accuracies, "knn_top1" | "tested"> | undefined> {
  using bank = FeatureBank.create();
  for (const { start, size, ofAll } of shardedBatches(train.describe().count, ranks.rankInfo)) {
    const go = work.allGoOn(() => {
      train.makeCenterCrops(start, size);
      train.embed(learner);
    });
    if (!go) return undefined;
    ranks.gather(train);
    bank.append(learner, train);
    kept.train?.append(learner, train);
    await work.did(ofAll, { stage: "bank", bank });
  }
  let [right, tested] = [0, 0];
  for (const { start, size, ofAll } of shardedBatches(test.describe().count, ranks.rankInfo)) {
    const go = work.allGoOn(() => {
      test.makeCenterCrops(start, size);
      test.embed(learner);
      const found = bank.classify(learner, test, KNN);
      kept.test?.append(learner, test);
      right += found.right;
      // A file that cannot be used is not tested.
      tested += found.tested;
    });
    if (!go) return undefined;
    await work.did(ofAll, { stage: "neighbours", bank });
  }
  const [allTested = 0, allRight = 0] = ranks.sum([tested, right]);
  return { knn_top1: 100 * allRight / allTested, tested: allTested };
}

/** A rank's part of one round through a data set's images, and how many of them all ranks take. */
export interface Round {
  start: number;
  /** None where there are fewer parts left than ranks. */
  size: number;
  ofAll: number;
}

/**
 * A data set's images in parts of CENTERED_BATCH, the same whatever the number of ranks, which take them in turn: a
 * part for each in every round. Each image is in one part of one rank.
 */
export function* shardedBatches(
  count: number,
  { rank, worldSize }: { rank: number; worldSize: number },
): Generator<Round> {
  const width = CENTERED_BATCH * worldSize;
  for (let first = 0; first < count; first += width) {
    const start = Math.min(count, first + CENTERED_BATCH * rank);
    const size = Math.min(CENTERED_BATCH, count - start);
    yield { start, size, ofAll: Math.min(width, count - first) };
  }
}
