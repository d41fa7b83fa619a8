/**
 * Semi-supervised evaluation (BYOL, section 4.2 and appendix C.1): the encoder and a new linear classifier are trained
 * end to end on the labelled images, with random crops and flips, by SGD with Nesterov momentum.
 *
 * @module
 */

import type { ProbeTransforms } from "../recipes/views.ts";
import type { ClassifierOptions } from "./classifier_options.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { HELD_OUT_SHARE } from "../recipes/probe.ts";
import { accuracyOf, TestCounts } from "./feature_probe.ts";
import { type OnAllSets, onAllSets, type TestedImages, testedSets } from "./tested.ts";
import { Ranks } from "../distributed/ranks.ts";
import { isInterrupted } from "../runtime/interrupt.ts";
import { takeSubset } from "../data/label_subset.ts";
import { shardedBatches } from "./linear.ts";
import type { Dataset, SubsetOptions } from "../native/dataset.ts";
import { FineTuning } from "../native/finetune.ts";
import type { Learner } from "../native/learner.ts";
import { Probe } from "../native/probe.ts";
import { probeLearningRateAt } from "../recipes/schedules.ts";

/** The learning rates that a sweep tries, as in BYOL, appendix C.1. */
export const FINE_TUNING_RATES: readonly number[] = [0.005, 0.01, 0.02, 0.05, 0.1];
/** The numbers of epochs that a sweep tries with each of the rates, as in BYOL, appendix C.1. */
export const FINE_TUNING_EPOCHS: readonly number[] = [30, 50];
/** Images of the pieces that ranks divide a batch in. */
const PIECE = 32;

/** Options of fine-tuning an encoder. */
export interface FineTuneOptions extends ClassifierOptions {
  /** Crops of training and test images. */
  transforms: ProbeTransforms;
  /** Share of the training images that are used with their labels, in percent. A batch holds at most those images. */
  labelFraction: number;
  /** Numbers of epochs that a sweep tries with each rate; by default `epochs` alone. */
  sweptEpochs?: readonly number[] | undefined;
}

/** Encoder to fine-tune, and the images. */
export interface FineTuneParts extends TestedImages {
  /** Learner whose online encoder is trained, and thereby changed. */
  learner: Learner;
  /** Images to learn from. */
  train: Dataset;
  /** Loads the initial encoder into the learner. */
  reset(): void;
  /** True to count the answers by class as well. */
  byClass?: boolean;
  /** Ranks that share each batch and the tests; a single one by default. `train` must have been sharded. */
  ranks?: Ranks;
  /** Called with the final classifier, before it is closed; the learner holds the fine-tuned encoder then. */
  keep?(classifier: Probe): void;
}

/** Accuracies of a fine-tuning on one set of images. */
export interface SetFineTuned {
  /** Top-1 accuracy in percent. */
  top1: number;
  /** Top-5 accuracy in percent. */
  top5: number;
  /** Number of images, without those of unusable files. */
  tested: number;
  /** Numbers of images, a row for each true class, a column for each answer; absent without `byClass`. */
  confusion?: number[][];
}

/** Result of a fine-tuning: accuracies on the test images, and in `held_out` on held-out images. */
export interface FineTuned extends OnAllSets<SetFineTuned> {
  /** Loss of the last step; for a sweep also the chosen learning rate and epochs, and their held-out accuracy. */
  details: Record<string, number>;
}

/**
 * Fine-tunes and tests an encoder with a new classifier. Several ranks take equal shares of each batch, which batch
 * normalisation takes as one, and average their gradients: to rounding, the result is that of one rank.
 *
 * @param onProgress called between batches with the share that is done, 0 to 1; true stops the fine-tuning
 * @returns accuracies; undefined where a signal or `onProgress` stopped the fine-tuning
 * @throws UserError (usage) where there are fewer than two images to learn from, a class has none, or the ranks cannot
 * divide a batch; (numbers) when the loss is no longer finite
 */
export async function fineTune(
  parts: FineTuneParts,
  options: FineTuneOptions,
  onProgress: (done: number) => boolean | void = () => {},
): Promise<FineTuned | undefined> {
  const { learner, train } = parts;
  const { ranks = Ranks.alone() } = parts;
  const tries = options.sweep ? triesOf(options) : [];
  const sets = testedSets(parts);
  const testCount = sets.reduce((sum, set) => sum + set.describe().count, 0);
  takeSubset(train, { ...subsetOf(options), heldOut: 0 });
  // Progress is counted in images. A sweep's trainings, without the held-out images, are counted as full ones.
  const epochs = tries.reduce((sum, one) => sum + one.epochs, 0) +
    Math.max(options.epochs, ...tries.map((one) => one.epochs));
  const total = epochs * train.describe().count + testCount;
  let done = 0;
  const did = async (images: number): Promise<boolean> => {
    done += images;
    await yieldToEvents();
    return onProgress(Math.min(1, done / total)) === true;
  };
  const work = { parts, options, ranks, did };
  const chosen = await chooseAmong(work, tries);
  if (chosen === undefined) return undefined;
  takeSubset(train, { ...subsetOf(options), heldOut: 0 });
  using probe = createClassifier(learner, train, options);
  const loss = await trainAll(work, { classifier: probe, ...chosen });
  if (loss === undefined) return undefined;
  if (!Number.isFinite(loss)) {
    throw new UserError(
      `Cannot continue fine-tuning at the learning rate ${chosen.rate}: the loss is ${loss}, expected a finite ` +
        "number; give a smaller --lr_init_clsf",
      ExitCode.numbers,
    );
  }
  const counts = new TestCounts(probe, { ranks, byClass: parts.byClass });
  const tested: number[] = [];
  for (const images of sets) {
    if (await testAll(work, { classifier: probe, images, tested: did })) return undefined;
    tested.push(counts.endSet());
  }
  parts.keep?.(probe);
  const results = counts.accuracies.map((one, at) => ({ ...one, tested: tested[at]! }));
  const details = {
    train_loss: loss,
    ...options.sweep && {
      probe_learning_rate: chosen.rate,
      probe_epochs: chosen.epochs,
      held_out_top1: chosen.top1,
    },
  };
  return { ...onAllSets(results, parts), details };
}

/** Arguments of a fine-tuning under way. */
interface Work {
  parts: FineTuneParts;
  options: FineTuneOptions;
  ranks: Ranks;
  /** Adds to the number of images done; returns true to stop. */
  did: (images: number) => Promise<boolean>;
}

/** Returns the subset of labelled images to learn from, which leaves out the held-out images of a sweep. */
function subsetOf(
  { seed, labelFraction: percent, sweep }: FineTuneOptions,
): Omit<SubsetOptions, "part"> {
  return { seed, percent, heldOut: sweep ? 100 * HELD_OUT_SHARE : 0 };
}

/** Learning rate and number of epochs of a training. */
interface Try {
  rate: number;
  epochs: number;
}

/** Returns what a sweep tries: all rates with all numbers of epochs. */
function triesOf({ epochs, sweptEpochs = [epochs] }: FineTuneOptions): Try[] {
  return FINE_TUNING_RATES.flatMap((rate) => sweptEpochs.map((epochs) => ({ rate, epochs })));
}

/** Returns the best try on held-out images; without `tries`, rate and epochs of the options; undefined when stopped. */
async function chooseAmong(
  work: Work,
  tries: readonly Try[],
): Promise<Try & { top1: number } | undefined> {
  const { parts: { learner, train }, options, ranks } = work;
  const subset = subsetOf(options);
  let chosen = { rate: options.learningRate, epochs: options.epochs, top1: -1 };
  for (const one of tries) {
    takeSubset(train, subset);
    using probe = createClassifier(learner, train, options);
    const loss = await trainAll(work, { classifier: probe, ...one });
    if (loss === undefined) return undefined;
    takeSubset(train, { ...subset, part: "heldOut" });
    const tested = (): Promise<boolean> => Promise.resolve(false);
    if (await testAll(work, { classifier: probe, images: train, tested })) return undefined;
    const { top1 } = accuracyOf(ranks.sum(probe.counts()));
    // A rate whose loss is not finite is no candidate. Of equally good ones, the smallest is chosen, with fewest epochs.
    if (Number.isFinite(loss) && top1 > chosen.top1) chosen = { ...one, top1 };
  }
  return chosen;
}

/** Trains the encoder and the classifier. @returns the loss of the last step; undefined when stopped */
async function trainAll(
  { parts, options, ranks, did }: Work,
  { classifier, rate, epochs }: Try & { classifier: Probe },
): Promise<number | undefined> {
  const { learner, train } = parts;
  parts.reset();
  using tuning = FineTuning.create(learner);
  ranks.joinFineTuning(tuning, learner);
  const { count } = train.describe();
  const batchSize = Math.min(options.batchSize, count);
  requireShares(batchSize, ranks);
  train.setProbe(batchSize, options.transforms);
  const [steps, drawn] = [Math.floor(count / batchSize), Math.ceil(count / batchSize)];
  const schedule = { baseLearningRate: rate, totalSteps: epochs * steps };
  let [loss, stops] = [NaN, false];
  for (let step = 0; step < schedule.totalSteps; step++) {
    // The Rust core counts the incomplete last batch of an epoch, which is skipped here.
    const drawnStep = Math.floor(step / steps) * drawn + step % steps;
    stops ||= isInterrupted(() => train.makeProbeBatch(options.seed, drawnStep));
    // All ranks enter a step with collectives, or none does.
    if (ranks.any(stops)) return undefined;
    tuning.step({ learner, classifier, dataset: train }, probeLearningRateAt(step, schedule));
    stops = await did(batchSize);
    if ((step + 1) % steps !== 0) continue;
    loss = tuning.loss();
    if (!Number.isFinite(loss)) return loss;
  }
  return ranks.any(stops) ? undefined : loss;
}

/** Refuses a batch that the ranks cannot divide into equal pieces. @throws UserError (usage) */
function requireShares(batchSize: number, { rankInfo: { worldSize } }: Ranks): void {
  const least = PIECE * worldSize;
  if (worldSize === 1 || batchSize % least === 0) return;
  const fits = Math.floor(batchSize / least) * least;
  throw new UserError(
    `Cannot fine-tune on ${worldSize} ranks in batches of ${batchSize} images: expected a multiple of ${least} ` +
      `(${PIECE} for each rank)` +
      (fits > 0 ? `, such as --batch_size_clsf=${fits}` : "; use fewer ranks"),
    ExitCode.usage,
  );
}

/** Tests the classifier on images. @returns true when stopped */
async function testAll(
  { parts: { learner }, options, ranks }: Work,
  { classifier, images, tested }: {
    classifier: Probe;
    images: Dataset;
    /** Adds to the number of tested images; returns true to stop. */
    tested: (images: number) => Promise<boolean>;
  },
): Promise<boolean> {
  images.setProbe(options.batchSize, options.transforms);
  for (const { start, size, ofAll } of shardedBatches(images.describe().count, ranks.rankInfo)) {
    const stopped = isInterrupted(() => {
      images.makeCenterCrops(start, size);
      classifier.test(learner, images);
    });
    if (ranks.any(await tested(ofAll) || stopped)) return true;
  }
  return false;
}

function createClassifier(learner: Learner, train: Dataset, options: FineTuneOptions): Probe {
  const { count, classes } = train.describe();
  if (count < 2) {
    throw new UserError(
      `Cannot fine-tune on ${count} image: expected at least 2`,
      ExitCode.usage,
    );
  }
  const { dtype, device, seed, momentum, weightDecay } = options;
  const features = learner.features();
  return Probe.create({ features, classes, dtype, device, seed, momentum, weightDecay });
}
