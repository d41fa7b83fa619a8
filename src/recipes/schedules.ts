/**
 * Every number that changes over time, as a pure function of the step.
 *
 * A step is an optimizer step, counted from 0 over the whole run: step 0 is the first update. Pure functions need no
 * state in a checkpoint: a resumed run computes the same values as an unbroken one.
 *
 * @module
 */

import { rotationRecipe } from "./rotation.ts";
import type { ViewPair, ViewRecipe } from "./views.ts";
import type { AugmentSchedule, Ramp, RecipeSchedule, Step } from "./view_schedule.ts";

/** Parameters of the learning rate's schedule. */
export interface LearningRateSchedule {
  /** The learning rate at the end of the warm-up, used as given (no scaling by the batch). */
  baseLearningRate: number;
  /** Steps of the linear warm-up; 0 for none. More than totalSteps are allowed. */
  warmupSteps: number;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
}

/**
 * Returns the learning rate of one step (BYOL, section 3.2): linear from 0 over the warm-up, then half a cosine.
 *
 * - `step < warmupSteps`: base · step / warmupSteps. Step 0 has rate 0, and the first step after the warm-up has
 *   exactly `base`;
 * - afterwards: base · ½ · (1 + cos(π · (step − warmupSteps) / (totalSteps − warmupSteps))), which would
 *   reach 0 at step totalSteps, one past the last.
 *
 * Without a warm-up, step 0 has `base`. With a warm-up as long as the run or longer, the rate only rises.
 *
 * @param step from 0; totalSteps itself is accepted and gives the end of the curve
 * @throws RangeError when step lies outside 0…totalSteps, or a length is not a whole number
 */
export function learningRateAt(step: number, schedule: LearningRateSchedule): number {
  const { baseLearningRate, warmupSteps, totalSteps } = schedule;
  requireWhole("warmupSteps", warmupSteps, 0);
  requireStep(step, totalSteps);
  if (step < warmupSteps) return baseLearningRate * step / warmupSteps;
  if (warmupSteps >= totalSteps) return baseLearningRate;
  return baseLearningRate * halfCosine((step - warmupSteps) / (totalSteps - warmupSteps));
}

/** Parameters of the schedule of tau, the decay of the target. */
export interface TauSchedule {
  /** τ of the first step, in [0, 1]. */
  tauBase: number;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
}

/**
 * Returns τ, the weight of the target's own past in its moving average (BYOL, section 3.2):
 * 1 − (1 − tauBase) · (cos(π · step / totalSteps) + 1) / 2, from tauBase towards 1.
 *
 * @param step from 0; the update that follows optimizer step k uses tauAt(k)
 * @throws RangeError when step lies outside 0…totalSteps
 */
export function tauAt(step: number, schedule: TauSchedule): number {
  const { tauBase, totalSteps } = schedule;
  requireStep(step, totalSteps);
  return 1 - (1 - tauBase) * halfCosine(step / totalSteps);
}

/** Learning rate that the probe's schedule ends at, as in the reference program. */
export const PROBE_FINAL_LEARNING_RATE = 1e-4;

/** Parameters of the schedule of the probe's learning rate. */
export interface ProbeLearningRateSchedule {
  /** The rate of the first step. */
  baseLearningRate: number;
  /** Optimizer steps of the probe's whole training. */
  totalSteps: number;
  /** The rate at step totalSteps, one past the last; 1e-4 by default. */
  finalLearningRate?: number;
}

/**
 * Returns the learning rate of one step of the linear probe, half a cosine from the base rate to the final rate:
 * final + (base − final) · ½ · (1 + cos(π · step / totalSteps)).
 *
 * @throws RangeError when step lies outside 0…totalSteps
 */
export function probeLearningRateAt(step: number, schedule: ProbeLearningRateSchedule): number {
  const { baseLearningRate, totalSteps, finalLearningRate = PROBE_FINAL_LEARNING_RATE } = schedule;
  requireStep(step, totalSteps);
  return finalLearningRate + (baseLearningRate - finalLearningRate) * halfCosine(step / totalSteps);
}

/**
 * Returns the recipes of both views at one step, and that of the third view with the rotation auxiliary.
 *
 * A moving field has exactly its first value up to the start of its span and exactly its last value from the end of
 * the span; between them it moves linearly or by half a cosine. cropSize is rounded to the nearest whole pixel.
 *
 * @param step from 0
 */
export function recipesAt(schedule: AugmentSchedule, step: number): ViewPair {
  const view1 = recipeAt(schedule.view1, step);
  const view2 = recipeAt(schedule.view2, step);
  const { rotation } = schedule;
  return rotation ? { view1, view2, view3: rotationRecipe(view1, rotation) } : { view1, view2 };
}

/** Returns the value of one moving field at one step. */
export function rampAt(ramp: Ramp, step: number): number {
  const { from, to, startStep, endStep, curve } = ramp;
  if (step <= startStep) return from;
  if (step >= endStep) return to;
  const progress = (step - startStep) / (endStep - startStep);
  return from + (to - from) * (curve === "linear" ? progress : 1 - halfCosine(progress));
}

/** Returns the value of the last of the steps that has begun at a step. */
function stepAt(steps: readonly Step[], step: number): number {
  return steps.findLast((one) => one.step <= step)!.value;
}

function recipeAt({ constant, moving }: RecipeSchedule, step: number): ViewRecipe {
  if (moving.length === 0) return constant;
  const recipe: ViewRecipe = {
    ...constant,
    cropScale: [...constant.cropScale],
    cropRatio: [...constant.cropRatio],
    blurSigma: [...constant.blurSigma],
  };
  for (const item of moving) {
    const value = "ramp" in item ? rampAt(item.ramp, step) : stepAt(item.steps, step);
    if ("end" in item) recipe[item.field][item.end] = value;
    else recipe[item.field] = item.field === "cropSize" ? Math.round(value) : value;
  }
  return recipe;
}

/** Returns half a cosine: 1 at progress 0, 0 at progress 1. */
function halfCosine(progress: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}

function requireStep(step: number, totalSteps: number): void {
  requireWhole("totalSteps", totalSteps, 1);
  requireWhole("step", step, 0);
  if (step > totalSteps) {
    throw new RangeError(
      `Cannot give the value at step=${step}: expected at most totalSteps=${totalSteps}`,
    );
  }
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `Cannot use ${name}=${value}: expected a whole number of at least ${least}`,
    );
  }
}
