/**
 * The steps of a training: how many there are, and which of them log, evaluate and save. Pure functions of the options
 * and the number of images, for `train`, `deno task plan` and the benches.
 *
 * "Steps done" counts optimizer steps from the beginning of the run: 0 is before the first one.
 *
 * @module
 */

/** Options that decide what happens at which step. */
export interface PlanOptions {
  /** Images of an optimizer step, over all ranks; an incomplete last batch of an epoch is dropped. */
  batchSize: number;
  /** Epochs of the whole run. */
  epochs: number;
  /** Step to stop before; null for the end of the schedules. */
  maxSteps: number | null;
  /** Steps between logged ones. */
  logEverySteps: number;
  /** Epochs between evaluations; 0 for none at all. */
  evalEveryEpochs: number;
  /** An evaluation at the end of a run that `maxSteps` cuts short. */
  evalAtEnd: boolean;
  /** Epochs between checkpoints that are kept for good; 0 for none. */
  saveEveryEpochs: number;
  /** Steps between checkpoints that later ones replace; 0 for none. */
  saveEverySteps: number;
}

/** The steps of a training. */
export interface TrainingPlan {
  /** Optimizer steps of an epoch; 0 where there are fewer images than a batch has. */
  stepsPerEpoch: number;
  /** Steps of the whole schedule. */
  totalSteps: number;
  /** The step to stop before: `totalSteps`, or less where `maxSteps` cuts the run short. */
  endStep: number;
  /** Steps between logged ones; the last one of each epoch is logged, too. */
  logEverySteps: number;
  /** Epochs between evaluations; 0 for none at all. */
  evalEveryEpochs: number;
  /** An evaluation of the untrained encoder. */
  evalAtStart: boolean;
  /** An evaluation at the end of a run that is cut short. */
  evalAtEnd: boolean;
  /** Steps between checkpoints that are kept for good; 0 for none. */
  keepEverySteps: number;
  /** Steps between checkpoints that later ones replace; 0 for none. */
  saveEverySteps: number;
}

/** Returns the plan of a training on so many images. */
export function planTraining(images: number, options: PlanOptions): TrainingPlan {
  const stepsPerEpoch = Math.floor(images / options.batchSize);
  const totalSteps = options.epochs * stepsPerEpoch;
  return {
    stepsPerEpoch,
    totalSteps,
    endStep: endStepOf(totalSteps, options),
    logEverySteps: options.logEverySteps,
    evalEveryEpochs: options.evalEveryEpochs,
    evalAtStart: options.maxSteps === null,
    evalAtEnd: options.evalAtEnd,
    keepEverySteps: options.saveEveryEpochs * stepsPerEpoch,
    saveEverySteps: options.saveEverySteps,
  };
}

/** Returns the step that a run stops before. */
export function endStepOf(totalSteps: number, { maxSteps }: Pick<PlanOptions, "maxSteps">): number {
  return Math.min(totalSteps, maxSteps ?? totalSteps);
}

/** Returns whether a step is logged wherever the run is interrupted; the last one of an invocation is logged, too. */
export function isLogged(
  stepsDone: number,
  { logEverySteps, stepsPerEpoch }: Pick<TrainingPlan, "logEverySteps" | "stepsPerEpoch">,
): boolean {
  return isMultiple(stepsDone, logEverySteps) || isMultiple(stepsDone, stepsPerEpoch);
}

/** Returns whether a training evaluates between two steps; `isEvaluatedAtEnd` has the last evaluation. */
export function isEvaluated(
  stepsDone: number,
  { stepsPerEpoch, totalSteps, evalEveryEpochs, evalAtStart }: TrainingPlan,
): boolean {
  return isMultiple(stepsDone, evalEveryEpochs * stepsPerEpoch) && stepsDone < totalSteps &&
    (stepsDone > 0 || evalAtStart);
}

/** Returns whether a training that ends after a step evaluates there. */
export function isEvaluatedAtEnd(
  stepsDone: number,
  { totalSteps, evalEveryEpochs, evalAtEnd }: Pick<
    TrainingPlan,
    "totalSteps" | "evalEveryEpochs" | "evalAtEnd"
  >,
): boolean {
  return evalEveryEpochs > 0 && (stepsDone === totalSteps || evalAtEnd);
}

/** Returns whether a checkpoint is due after a step; `--save_every_minutes` may ask for more of them. */
export function isSaved(
  stepsDone: number,
  { keepEverySteps, saveEverySteps }: Pick<TrainingPlan, "keepEverySteps" | "saveEverySteps">,
): boolean {
  return isMultiple(stepsDone, keepEverySteps) || isMultiple(stepsDone, saveEverySteps);
}

/** Returns the numbers of steps done at which an uninterrupted run evaluates, in order. */
export function evaluatedSteps(plan: TrainingPlan): number[] {
  const { endStep } = plan;
  const every = plan.evalEveryEpochs * plan.stepsPerEpoch;
  const steps: number[] = [];
  for (let step = 0; every > 0 && step <= endStep; step += every) {
    if (isEvaluated(step, plan)) steps.push(step);
  }
  if (isEvaluatedAtEnd(endStep, plan) && steps.at(-1) !== endStep) steps.push(endStep);
  return steps;
}

/** Returns whether a step is a multiple of `every`; 0 has none. */
function isMultiple(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}
