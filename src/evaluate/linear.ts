/**
 * Linear evaluation by the original protocol, together with k-NN evaluation. The encoder is frozen: an evaluation
 * changes neither its weights nor its running statistics, nor the random numbers of the training.
 *
 * @module
 */

import { AnswerCounter } from "./by_class.ts";
import { KNN, type Neighbours } from "../recipes/neighbours.ts";
import type { ProbeTransforms } from "../recipes/views.ts";
import type { ClassifierOptions } from "./classifier_options.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { isInterrupted } from "../runtime/interrupt.ts";
import { type Probed, probeOnFeatures, TestCounts } from "./feature_probe.ts";
import { regressOnFeatures } from "./logistic.ts";
import { FeatureBank } from "../native/feature_bank.ts";
import { Features } from "../native/features.ts";
import { Probe } from "../native/probe.ts";
import { probeLearningRateAt } from "../recipes/schedules.ts";
import { Ranks } from "../distributed/ranks.ts";
import { type OnAllSets, onAllSets, type TestedImages, testedSets } from "./tested.ts";

/** Images of a pass through the encoder, where an evaluation needs no batch of its own. */
export const CENTERED_BATCH = 250;

/** Options of an evaluation. */
export interface EvaluationOptions extends ClassifierOptions {
  /** Crops of training and test images. */
  transforms: ProbeTransforms;
  /** Neighbours and temperatures of the k-NN classifiers, the first of which is `knn_top1`; by default KNN alone. */
  neighbours?: readonly { k: number; temperature: number }[] | undefined;
  /** True to train on new random crops and flips in each epoch; false to compute features once, as a sweep needs. */
  augment: boolean;
  /** True for logistic regression on features that are computed once (BYOL, D.2) in place of a probe trained by SGD. */
  logistic?: boolean;
}

/** Encoder to evaluate, and the images. */
export interface EvaluationParts extends TestedImages {
  /** Learner whose online encoder is evaluated, in eval mode. */
  learner: Learner;
  /** Images that the probe learns from and that nearest neighbours are searched among. */
  train: Dataset;
  /**
   * Ranks that share the work; a single one by default. `train` must have been sharded.
   *
   * @internal
   */
  ranks?: Ranks;
  /** True to count the answers by class as well: the probe's, or those of k-NN where it is alone. */
  byClass?: boolean;
  /**
   * Called with the final probe, which is the same on all ranks, before it is closed.
   *
   * @internal
   */
  keep?(probe: Probe): void;
}

/** Accuracies in percent on one set of images. */
export interface SetAccuracies {
  /** Top-1 accuracy of the linear probe. */
  top1: number;
  /** Top-5 accuracy of the linear probe. */
  top5: number;
  /** Top-1 accuracy of the weighted k-NN classifier. */
  knn_top1: number;
  /** Top-1 accuracies of all k-NN classifiers; absent where the options name none. */
  knn?: { k: number; temperature: number; top1: number }[];
  /** Number of images, without those of unusable files. */
  tested: number;
  /** Numbers of images, a row for each true class, a column for each answer; absent without `byClass`. */
  confusion?: number[][];
  /** Number of training images of the smallest class; absent without `byClass`. */
  smallest_class?: number;
}

/** Accuracies in percent: on the test images, and in `held_out` on held-out images. */
export interface Accuracies extends OnAllSets<SetAccuracies> {
  /** Learning rate that a sweep has chosen, or strength of a penalty, and its held-out accuracy. */
  details?: Record<string, number>;
}

/** Stage of an evaluation after a batch, with the object that holds the state of the stage. */
export type EvaluationStage =
  | { stage: "bank" | "neighbours"; bank: FeatureBank }
  | { stage: "probe" | "test"; probe: Probe };

/** Callback between batches with the share that is done, 0 to 1; true stops the evaluation. */
export type OnProgress = (done: number, stage: EvaluationStage) => boolean | void;

/**
 * Evaluates an encoder by a linear probe and by k-NN. Several ranks share the work: each embeds its shard of the
 * images, all receive the embeddings of all training images and train the same probe, each tests its shard of the test
 * images, and the counts are summed. The accuracies equal those of one rank, bit for bit.
 *
 * @returns the accuracies; undefined where a signal or `onProgress` stopped the evaluation on any rank
 */
export async function evaluate(
  parts: EvaluationParts,
  options: EvaluationOptions,
  onProgress: OnProgress = () => {},
): Promise<Accuracies | undefined> {
  const { learner, train, ranks = Ranks.alone(), keep } = parts;
  const sets = testedSets(parts);
  for (const dataset of [train, ...sets]) dataset.setProbe(options.batchSize, options.transforms);
  const { count, classes } = train.describe();
  const testCount = imagesOf(sets);
  // Progress is counted in images.
  const total = count + 2 * testCount + options.epochs * count;
  const work = new SharedWork(ranks, { total, onProgress });
  // Without augmentation, the probe learns from the embeddings that are computed for k-NN.
  const onViews = options.augment && options.logistic !== true;
  using trainFeatures = onViews ? undefined : Features.create();
  using features = new DisposableStack();
  const testFeatures = onViews ? [] : sets.map(() => features.use(Features.create()));
  const near = await neighbours(
    { ...parts, settings: options.neighbours },
    work,
    { train: trainFeatures, tests: testFeatures },
  );
  if (near === undefined) return undefined;

  const shape = { features: learner.features(), classes };
  const onFeatures = options.logistic === true ? regressOnFeatures : probeOnFeatures;
  const probed = trainFeatures !== undefined
    ? await onFeatures(
      { train: trainFeatures, tests: testFeatures, ranks, byClass: parts.byClass, keep },
      { ...options, ...shape, count },
      async (probe, share) => {
        const before = (count + testCount) / total;
        await work.reached(before + (1 - before) * share, { stage: "probe", probe });
        return !work.allGoOn(() => {});
      },
    )
    : await probeOnViews(parts, { ...options, ...shape }, work);
  if (probed === undefined || !work.allGoOn(() => {})) return undefined;
  const { accuracies, details } = probed;
  const results = accuracies.map((one, at) => {
    // The answers by class are the probe's.
    const { confusion } = one;
    return { ...one, ...near[at]!, ...confusion && { confusion } };
  });
  return { ...onAllSets(results, parts), ...details && { details } };
}

/** Trains a probe on random crops and flips (like the reference program), tests it. @returns undefined when stopped */
async function probeOnViews(
  parts: EvaluationParts,
  options: EvaluationOptions & { features: number; classes: number },
  work: SharedWork,
): Promise<Probed | undefined> {
  const { learner, train, ranks = Ranks.alone(), keep } = parts;
  const { features, classes, dtype, device, seed, momentum, weightDecay, logitClip } = options;
  const shape = { features, classes, dtype, device, logitClip };
  using probe = Probe.create({ ...shape, seed, momentum, weightDecay });
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
  const tested = new TestCounts(probe, { ranks, byClass: parts.byClass });
  for (const images of testedSets(parts)) {
    for (const { start, size, ofAll } of shardedBatches(images.describe().count, ranks.rankInfo)) {
      const go = work.allGoOn(() => {
        images.makeCenterCrops(start, size);
        probe.test(learner, images);
      });
      if (!go) return undefined;
      await work.did(ofAll, { stage: "test", probe });
    }
    tested.endSet();
  }
  keep?.(probe);
  return { accuracies: tested.accuracies };
}

function imagesOf(sets: readonly Dataset[]): number {
  return sets.reduce((sum, set) => sum + set.describe().count, 0);
}

/**
 * Evaluates an encoder by k-NN alone; ranks share the work as in evaluate().
 *
 * @returns accuracy and number of test images; undefined where a signal or `onProgress` stopped the evaluation
 */
export async function classifyByNeighbours(
  parts: EvaluationParts,
  { batchSize, transforms, neighbours: settings }: Pick<
    EvaluationOptions,
    "batchSize" | "transforms" | "neighbours"
  >,
  onProgress: OnProgress = () => {},
): Promise<OnAllSets<Omit<SetAccuracies, "top1" | "top5">> | undefined> {
  const { train, ranks = Ranks.alone() } = parts;
  const all = [train, ...testedSets(parts)];
  for (const dataset of all) dataset.setProbe(batchSize, transforms);
  const total = imagesOf(all);
  const work = new SharedWork(ranks, { total, onProgress });
  const near = await neighbours({ ...parts, settings }, work);
  return near !== undefined && work.allGoOn(() => {}) ? onAllSets(near, parts) : undefined;
}

/** Work that all ranks do round by round, with its progress and the agreement to continue. */
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

  /** Does this rank's work of a round; returns true where all ranks continue. */
  allGoOn(work: () => void): boolean {
    if (!this.#stop) this.#stop = isInterrupted(work);
    return !this.#ranks.any(this.#stop);
  }

  /** Reports a finished round. @param images number of images over all ranks */
  async did(images: number, stage: EvaluationStage): Promise<void> {
    this.#done += images;
    await this.reached(this.#done / this.#total, stage);
  }

  /** Reports the share of the whole work that is done, 0 to 1. */
  async reached(share: number, stage: EvaluationStage): Promise<void> {
    await yieldToEvents();
    this.#stop ||= this.#onProgress(share, stage) === true;
  }
}

/** Accuracies of the k-NN classifiers on a set of images. */
type Near = Omit<SetAccuracies, "top1" | "top5">;

/** Embeds the training images and classifies each set of test images by k-NN; appends the embeddings to `kept`. */
async function neighbours(
  parts: EvaluationParts & { settings: readonly Neighbours[] | undefined },
  work: SharedWork,
  kept: { train?: Features | undefined; tests?: readonly Features[] } = {},
): Promise<Near[] | undefined> {
  const { learner, train, settings, byClass, ranks = Ranks.alone() } = parts;
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
  const found: Near[] = [];
  const shared = {
    learner,
    ranks,
    bank,
    settings,
    counter: byClass && new AnswerCounter(() => bank.answers(), ranks),
  };
  for (const [at, images] of testedSets(parts).entries()) {
    const near = await classified(images, { ...shared, kept: kept.tests?.[at] }, work);
    if (near === undefined) return undefined;
    found.push(near);
  }
  return found;
}

/** Classifies a set of images by k-NN, and appends their embeddings to `kept`. @returns undefined when stopped */
async function classified(
  images: Dataset,
  { learner, ranks, bank, settings = [], counter, kept }: {
    learner: Learner;
    ranks: Ranks;
    bank: FeatureBank;
    settings: readonly Neighbours[] | undefined;
    counter: AnswerCounter | false | undefined;
    kept: Features | undefined;
  },
  work: SharedWork,
): Promise<Near | undefined> {
  const [first = KNN, ...others] = settings;
  const right = [first, ...others].map(() => 0);
  let tested = 0;
  for (const { start, size, ofAll } of shardedBatches(images.describe().count, ranks.rankInfo)) {
    const go = work.allGoOn(() => {
      images.makeCenterCrops(start, size);
      images.embed(learner);
      const found = bank.classify(learner, images, { ...first, counted: !!counter });
      right[0]! += found.right;
      // An unusable file is not tested.
      tested += found.tested;
      for (const [at, other] of others.entries()) {
        right[at + 1]! += bank.classify(learner, images, other).right;
      }
      kept?.append(learner, images);
    });
    if (!go) return undefined;
    await work.did(ofAll, { stage: "neighbours", bank });
  }
  const [allTested = 0, ...allRight] = ranks.sum([tested, ...right]);
  const accuracies = allRight.map((count) => 100 * count / allTested);
  return {
    knn_top1: accuracies[0]!,
    ...settings.length > 0 && {
      knn: settings.map((one, at) => ({ ...one, top1: accuracies[at]! })),
    },
    tested: allTested,
    ...counter && { ...counter.endSet(), smallest_class: bank.smallestClass() },
  };
}

/** One rank's batch in a round of batches, one for each rank. */
export interface Round {
  /** Index of the batch's first image. */
  start: number;
  /** Images of the batch; 0 in the last round for ranks that no images are left for. */
  size: number;
  /** Images of the round over all ranks. */
  ofAll: number;
}

/**
 * Yields one rank's batches of a data set, in rounds. The data set is cut into batches of CENTERED_BATCH images,
 * whatever the number of ranks, and the ranks take batches in turn.
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
