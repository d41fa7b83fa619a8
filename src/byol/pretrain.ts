/**
 * BYOL's training loop (Grill et al. 2020). `pretrain` holds the step, in the order of the paper.
 *
 * @module
 */

import type { AugmentSchedule } from "../recipes/view_schedule.ts";
import { isLogged } from "./plan.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { TrainRow } from "./train_row.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner, ProbeRates, StepRates } from "../native/learner.ts";
import { learningRateAt, recipesAt, tauAt } from "../recipes/schedules.ts";
import type { ViewPair } from "../recipes/views.ts";
import { StepGraph } from "./step_graph.ts";
import { StepLog } from "./step_log.ts";

/** Options of a training. */
export interface PretrainOptions {
  /** Seed of the order of the images and of the views. */
  seed: number;
  /** Images of an optimizer step, over all ranks. */
  batchSize: number;
  /** Micro-batches of a step. */
  accumulateSteps: number;
  /** Optimizer steps of an epoch. */
  stepsPerEpoch: number;
  /** Epochs of the whole run, from which the schedules take their length. */
  epochs: number;
  /** Epochs over which the learning rate rises from 0; may be 0. */
  warmupEpochs: number;
  /** The learning rate at the end of the warm-up, used as given (no scaling by the batch). */
  learningRate: number;
  /** LARS's momentum, in [0, 1). */
  momentum: number;
  /** LARS's weight decay; biases and batch normalisation are exempt. */
  weightDecay: number;
  /** LARS's trust coefficient. */
  eta: number;
  /** The target's decay at the first step, in [0, 1]. */
  tauBase: number;
  /** The views' recipes over time. */
  augmentation: AugmentSchedule;
  /** The first step of this invocation, from 0. */
  firstStep: number;
  /** The step to stop before. */
  endStep: number;
  /** Steps between logged steps; the last step of each epoch is logged, too. */
  logEverySteps: number;
  /** True to record a step on one GPU as a CUDA graph, after some live steps, and to replay it; false by default. */
  cudaGraph?: boolean;
  /** Rates of the learner's online probe; undefined for a learner without a probe. */
  probeRates?: Readonly<ProbeRates> | undefined;
  /** Weight of the learner's rotation auxiliary; 0 (default) for a learner without the auxiliary. */
  rotationWeight?: number;
}

/** Callbacks of the training loop. */
export interface PretrainHooks {
  /** Called before a step; the function that it returns is called after the step. */
  trace?(step: number, rates: StepRates): (() => void) | undefined;
  /** Called with a line where the training continues in another, slower way. */
  warned?(line: string): void;
  /** Called after a logged step. */
  logged?(row: TrainRow): void;
  /** Called after each step; `epoch` (from 1) is set after the last step of an epoch. */
  stepDone?(stepsDone: number, epoch: number | undefined): Promise<void>;
  /** Called after each step; true ends the training there. */
  interrupted?(stepsDone: number): boolean;
}

/**
 * Trains from `firstStep` to `endStep`.
 *
 * @returns the steps done since the beginning of the run: endStep, or less where `hooks.interrupted` ended the training
 * @throws UserError (numbers) when the loss or the gradient is not finite
 */
export async function pretrain(
  { learner, dataset }: { learner: Learner; dataset: Dataset },
  options: PretrainOptions,
  hooks: PretrainHooks = {},
): Promise<number> {
  const { batchSize, momentum, weightDecay, eta, probeRates, firstStep, endStep } = options;
  const enabled = isRecordable(options);
  const graph = new StepGraph(learner, { ...options, enabled, warn: hooks.warned });
  const log = new StepLog(learner, options);
  for (let step = firstStep; step < endStep; step++) {
    // What this step is: every number that changes over time.
    const { learningRate, tau, recipes } = numbersAt(step, options);
    const rates = { learningRate, tau };
    dataset.setRecipes(batchSize, recipes);

    // BYOL in the order of the paper: views, forward and backward, update, target.
    const endTrace = hooks.trace?.(step, rates);
    makeViews(dataset, { step, microBatch: 0 }, options);
    graph.run(dataset, rates, () => {
      forwardBackward({ learner, dataset }, step, options);
      learner.applyUpdate({ learningRate, momentum, weightDecay, eta });
      learner.moveTarget(tau);
    });
    endTrace?.();
    if (probeRates) learner.trainProbe(probeRates);

    // Everything else at its own pace: read metrics, the only wait on the device; evaluate, save, yield.
    const stepsDone = step + 1;
    const isDue = isLogged(stepsDone, options);
    if (isDue || stepsDone === endStep) hooks.logged?.(log.read(step, rates));
    await hooks.stepDone?.(stepsDone, epochEndedBy(stepsDone, options));
    if (isDue) log.restartClock(stepsDone);
    // A loop of blocking calls sees a signal only when it yields.
    await yieldToEvents();
    if (hooks.interrupted?.(stepsDone)) return stepsDone;
  }
  return endStep;
}

/** Returns the numbers of a step that change over time, each a pure function of the step. */
function numbersAt(step: number, options: PretrainOptions): StepRates & { recipes: ViewPair } {
  const { epochs, stepsPerEpoch, warmupEpochs, tauBase, augmentation } = options;
  const totalSteps = epochs * stepsPerEpoch;
  return {
    learningRate: learningRateAt(step, {
      baseLearningRate: options.learningRate,
      warmupSteps: warmupEpochs * stepsPerEpoch,
      totalSteps,
    }),
    tau: tauAt(step, { tauBase, totalSteps }),
    recipes: recipesAt(augmentation, step),
  };
}

/** Returns true where steps may be recorded as a CUDA graph. A graph cannot make the views of a second micro-batch. */
function isRecordable({ cudaGraph, accumulateSteps }: PretrainOptions): boolean {
  return cudaGraph === true && accumulateSteps === 1;
}

/** Computes the gradients of a step's batch, micro-batch by micro-batch; the first one's views were made before. */
function forwardBackward(
  { learner, dataset }: { learner: Learner; dataset: Dataset },
  step: number,
  options: PretrainOptions,
): void {
  const microBatches = options.accumulateSteps;
  for (let microBatch = 0; microBatch < microBatches; microBatch++) {
    if (microBatch > 0) makeViews(dataset, { step, microBatch }, options);
    learner.forwardBackward(dataset, { microBatch, microBatches });
  }
}

/** Makes the views of a micro-batch, and prefetches the views of later ones until the queue is full. */
function makeViews(
  dataset: Dataset,
  { step, microBatch }: { step: number; microBatch: number },
  { seed, batchSize, accumulateSteps, augmentation, endStep }: PretrainOptions,
): void {
  dataset.makeViews(seed, step, microBatch);
  const next = step * accumulateSteps + microBatch + 1;
  for (let index = next; index < endStep * accumulateSteps; index++) {
    const ahead = Math.floor(index / accumulateSteps);
    const coming = { seed, step: ahead, microBatch: index % accumulateSteps };
    if (!dataset.prefetchViews(coming, { batchSize, ...recipesAt(augmentation, ahead) })) break;
  }
}

/** Returns the epoch (from 1) that ends after `stepsDone` steps; undefined within an epoch. */
function epochEndedBy(
  stepsDone: number,
  { stepsPerEpoch }: Pick<PretrainOptions, "stepsPerEpoch">,
): number | undefined {
  return stepsDone % stepsPerEpoch === 0 ? stepsDone / stepsPerEpoch : undefined;
}
