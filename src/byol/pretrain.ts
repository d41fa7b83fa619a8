/**
 * BYOL's training loop (Grill et al. 2020), one step read top-down.
 *
 * @module
 */

import type { AugmentSchedule } from "../recipes/view_schedule.ts";
import { FiniteCheck } from "./divergence.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { TrainRow } from "./train_row.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner, ProbeRates } from "../native/learner.ts";
import { learningRateAt, recipesAt, tauAt } from "../recipes/schedules.ts";
import { StepGraph } from "./step_graph.ts";

/** What a training run goes by. */
export interface PretrainOptions {
  /** Decides order of the images and views. */
  seed: number;
  /** Images of an optimizer step, over all ranks. */
  batchSize: number;
  /** Parts that a step's batch is computed in. */
  accumulateSteps: number;
  /** Optimizer steps of an epoch. */
  stepsPerEpoch: number;
  /** Epochs of the whole run, which the schedules go by. */
  epochs: number;
  /** Epochs over which the learning rate rises from 0; may be 0. */
  warmupEpochs: number;
  /** The rate after the warm-up, used as given. */
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
  /** The first step of this start, from 0. */
  firstStep: number;
  /** The step to stop before. */
  endStep: number;
  /** Steps between logged ones; the last one of an epoch is logged, too. */
  logEverySteps: number;
  /** Whether a step on one GPU is recorded as a CUDA graph, once some have run; none is where it is not said. */
  cudaGraph?: boolean;
  /** What the learner's online probe learns by; none: it has none. */
  probeRates?: Readonly<ProbeRates> | undefined;
}

/** What happens beside the training, each at its own pace. */
export interface PretrainHooks {
  /** Before a step; what it returns is called after it. */
  trace?(step: number, schedule: { learningRate: number; tau: number }): (() => void) | undefined;
  /** A step was logged. */
  logged?(row: TrainRow): void;
  /** A step is done; `epoch` is set where it was the last one of an epoch. */
  stepDone?(stepsDone: number, epoch: number | undefined): Promise<void>;
  /** Whether to stop after so many steps. */
  interrupted?(stepsDone: number): boolean;
}

/** Whether a step is logged wherever the run is cut; the last one of a start is, too. */
export function isLogged(
  stepsDone: number,
  { logEverySteps, stepsPerEpoch }: Pick<PretrainOptions, "logEverySteps" | "stepsPerEpoch">,
): boolean {
  return stepsDone % logEverySteps === 0 || stepsDone % stepsPerEpoch === 0;
}

/**
 * Trains from `firstStep` to `endStep`.
 *
 * @returns the number of steps done: less than endStep when interrupted
 * @throws UserError (numbers) when the loss or the gradient is not finite
 */
export async function pretrain(
  { learner, dataset }: { learner: Learner; dataset: Dataset },
  options: PretrainOptions,
  hooks: PretrainHooks = {},
): Promise<number> {
  const { seed, batchSize, accumulateSteps, stepsPerEpoch, momentum, weightDecay, eta } = options;
  const totalSteps = options.epochs * stepsPerEpoch;
  const rates = {
    baseLearningRate: options.learningRate,
    warmupSteps: options.warmupEpochs * stepsPerEpoch,
    totalSteps,
  };
  const numbers = new FiniteCheck();
  // A part's views are made in the middle of the step, which a recording would repeat.
  const enabled = options.cudaGraph === true && accumulateSteps === 1;
  const graph = new StepGraph(learner, { enabled, momentum, weightDecay, eta });
  let loggedAt = performance.now();
  let loggedSteps = options.firstStep;
  for (let step = options.firstStep; step < options.endStep; step++) {
    // What this step is.
    const learningRate = learningRateAt(step, rates);
    const tau = tauAt(step, { tauBase: options.tauBase, totalSteps });
    dataset.setRecipes(batchSize, recipesAt(options.augmentation, step));

    // BYOL in the order of the paper.
    const endTrace = hooks.trace?.(step, { learningRate, tau });
    dataset.makeViews(seed, step);
    announceAfter(dataset, step * accumulateSteps, options);
    graph.run(dataset, { learningRate, tau }, () => {
      learner.forwardBackward(dataset, { part: 0, parts: accumulateSteps });
      for (let part = 1; part < accumulateSteps; part++) {
        dataset.makeViews(seed, step, part);
        announceAfter(dataset, step * accumulateSteps + part, options);
        learner.forwardBackward(dataset, { part, parts: accumulateSteps });
      }
      learner.applyUpdate({ learningRate, momentum, weightDecay, eta });
      learner.moveTarget(tau);
    });
    endTrace?.();
    if (options.probeRates) learner.trainProbe(options.probeRates);

    // Everything else at its own pace.
    const stepsDone = step + 1;
    const endsEpoch = stepsDone % stepsPerEpoch === 0;
    if (isLogged(stepsDone, options) || stepsDone === options.endStep) {
      const metrics = learner.readMetrics();
      const row: TrainRow = {
        kind: "train",
        step,
        epoch: Math.floor(step / stepsPerEpoch) + 1,
        loss: metrics.loss,
        learning_rate: learningRate,
        tau,
        images_per_second: 1000 * batchSize * (stepsDone - loggedSteps) /
          (performance.now() - loggedAt),
        embedding_std: metrics.embeddingStd,
        effective_rank: metrics.effectiveRank,
        gradient_norm: metrics.gradientNorm,
        parameter_norm: metrics.parameterNorm,
        ...(options.probeRates ? probeRow(learner) : {}),
      };
      const scaler = learner.readScaler();
      if (scaler !== undefined) {
        [row.skipped_steps, row.loss_scale] = [scaler.skippedSteps, scaler.lossScale];
      }
      numbers.see(row);
      hooks.logged?.(row);
    }
    await hooks.stepDone?.(stepsDone, endsEpoch ? stepsDone / stepsPerEpoch : undefined);
    if (isLogged(stepsDone, options)) {
      [loggedAt, loggedSteps] = [performance.now(), stepsDone];
    }
    // A loop of blocking calls sees a signal only when it yields.
    await yieldToEvents();
    if (hooks.interrupted?.(stepsDone)) return stepsDone;
  }
  return options.endStep;
}

function probeRow(learner: Learner): Pick<TrainRow, "probe_loss" | "probe_top1"> {
  const { loss, accuracy } = learner.readProbeMetrics();
  return { probe_loss: loss, probe_top1: 100 * accuracy };
}

/** Lets the views that come after a part's be made while the networks compute, as far as the data set has room. */
function announceAfter(dataset: Dataset, part: number, options: PretrainOptions): void {
  const { seed, batchSize, accumulateSteps, augmentation, endStep } = options;
  for (let next = part + 1; next < endStep * accumulateSteps; next++) {
    const step = Math.floor(next / accumulateSteps);
    const place = { seed, step, part: next % accumulateSteps };
    if (!dataset.prefetchViews(place, { batchSize, ...recipesAt(augmentation, step) })) break;
  }
}
