/**
 * The plan of a training: the number of its steps, and which of them log, evaluate and save. Pure functions of the
 * options and the number of images, for `train`, `deno task plan` and the benches.
 *
 * `stepsDone` counts the finished optimizer steps since the beginning of the run: it is 0 before the first step.
 *
 * @module
 */

/** Options that decide which steps log, evaluate and save. */
export interface PlanOptions {
  /** Images of an optimizer step, over all ranks. The incomplete last batch of an epoch is dropped. */
  batchSize: number;
  /** Epochs of the whole run. */
  epochs: number;
  /** Step to stop before; null for the end of the schedules. */
  maxSteps: number | null;
  /** Steps between logged steps. */
  logEverySteps: number;
  /** Epochs between evaluations; 0 for none at all. */
  evalEveryEpochs: number;
  /** True for an evaluation at the end of a run that `maxSteps` cuts short. */
  evalAtEnd: boolean;
  /** Epochs between checkpoints that are kept; 0 for none. */
  saveEveryEpochs: number;
  /** Steps between checkpoints that later checkpoints replace; 0 for none. */
  saveEverySteps: number;
}

/** The plan of a training. */
export interface TrainingPlan {
  /** Optimizer steps of an epoch; 0 where there are fewer images than a batch has. */
  stepsPerEpoch: number;
  /** Steps of the whole schedule. */
  totalSteps: number;
  /** The step to stop before: `totalSteps`, or less where `maxSteps` cuts the run short. */
  endStep: number;
  /** Steps between logged steps; the last step of each epoch is logged, too. */
  logEverySteps: number;
  /** Epochs between evaluations; 0 for none at all. */
  evalEveryEpochs: number;
  /** True for an evaluation of the untrained encoder. */
  evalAtStart: boolean;
  /** True for an evaluation at the end of a run that `maxSteps` cuts short. */
  evalAtEnd: boolean;
  /** Steps between checkpoints that are kept; 0 for none. */
  keepEverySteps: number;
  /** Steps between checkpoints that later checkpoints replace; 0 for none. */
  saveEverySteps: number;
}

/** Returns the plan of a training. */
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

/** Returns true where the plan logs a step; the last step of an invocation is logged besides. */
export function isLogged(
  stepsDone: number,
  { logEverySteps, stepsPerEpoch }: Pick<TrainingPlan, "logEverySteps" | "stepsPerEpoch">,
): boolean {
  return isMultiple(stepsDone, logEverySteps) || isMultiple(stepsDone, stepsPerEpoch);
}

/** Returns true where a training evaluates before its next step; isEvaluatedAtEnd decides on the last evaluation. */
export function isEvaluated(
  stepsDone: number,
  { stepsPerEpoch, totalSteps, evalEveryEpochs, evalAtStart }: TrainingPlan,
): boolean {
  return isMultiple(stepsDone, evalEveryEpochs * stepsPerEpoch) && stepsDone < totalSteps &&
    (stepsDone > 0 || evalAtStart);
}

/** Returns true where a training that ends after `stepsDone` steps evaluates at its end. */
export function isEvaluatedAtEnd(
  stepsDone: number,
  { totalSteps, evalEveryEpochs, evalAtEnd }: Pick<
    TrainingPlan,
    "totalSteps" | "evalEveryEpochs" | "evalAtEnd"
  >,
): boolean {
  return evalEveryEpochs > 0 && (stepsDone === totalSteps || evalAtEnd);
}

/** Returns true where the plan saves a checkpoint after a step; `--save_every_minutes` may add checkpoints. */
export function isSaved(
  stepsDone: number,
  { keepEverySteps, saveEverySteps }: Pick<TrainingPlan, "keepEverySteps" | "saveEverySteps">,
): boolean {
  return isMultiple(stepsDone, keepEverySteps) || isMultiple(stepsDone, saveEverySteps);
}

/** Returns the values of `stepsDone` at which an uninterrupted run evaluates, in ascending order. */
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

/** Returns true where a step is a multiple of `every`; false where `every` is 0. */
function isMultiple(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}
