/**
 * The length of a training that is given by its time (`--time_budget`): the most epochs whose steps, evaluations and
 * saves end within the budget. Pure functions of measured costs, for `train` and `deno task plan`.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { LARGEST_COUNT } from "../base/option_values.ts";
import { durationText } from "../base/terminal.ts";
import { recipesAt } from "../recipes/schedules.ts";
import type { AugmentSchedule } from "../recipes/view_schedule.ts";
import type { ViewPair } from "../recipes/views.ts";
import { evaluatedSteps, type PlanOptions, planTraining } from "./plan.ts";

/** Share of a budget that a run is planned to take. The rest absorbs what differs from the measurement. */
export const PLANNED_SHARE = 0.95;
/** Share of a budget below which one more epoch is planned, where the run then takes at most MOST_SHARE. */
const LEAST_SHARE = 0.9;
const MOST_SHARE = 0.98;
/** The most sizes of views that are measured; the speed at others is interpolated. */
const MOST_MEASURED = 4;
/** Positions in a run at which the size of the views is looked at. */
const SAMPLES = 1000;

/** Costs of a training, in seconds. */
export interface BudgetCosts {
  /** Time from the start of the program to the first step. */
  startSeconds: number;
  /** Returns the mean time of a step in a run of so many epochs. */
  stepSecondsAt(epochs: number): number;
  /** Time of one evaluation; 0 where nothing is evaluated. */
  evaluationSeconds: number;
  /** Time of one save. */
  saveSeconds: number;
}

/** Options that decide how much of a budget is not spent on steps. */
export type BudgetOptions = Omit<PlanOptions, "epochs" | "maxSteps"> & {
  /** Minutes between checkpoints; 0 for none. */
  saveEveryMinutes: number;
};

/** Length of a training that ends within its budget. */
export interface BudgetLength {
  /** Epochs of the training. */
  epochs: number;
  /** Optimizer steps of the training. */
  steps: number;
  /** Number of evaluations. */
  evaluations: number;
  /** Expected time from the start of the program to its end. */
  expectedSeconds: number;
}

/** Returns the length of a training of so many epochs, with its expected time. */
export function lengthOf(
  epochs: number,
  { images, options, costs }: { images: number; options: BudgetOptions; costs: BudgetCosts },
): BudgetLength {
  const plan = planTraining(images, { ...options, epochs, maxSteps: null });
  const evaluations = evaluatedSteps(plan).length;
  const stepSeconds = plan.totalSteps * costs.stepSecondsAt(epochs);
  const every = (steps: number, between: number): number =>
    between > 0 ? Math.floor(steps / between) : 0;
  const saves = every(plan.totalSteps, plan.keepEverySteps) +
    every(plan.totalSteps, plan.saveEverySteps) +
    every(stepSeconds / 60, options.saveEveryMinutes) + 1;
  const expectedSeconds = costs.startSeconds + stepSeconds +
    evaluations * costs.evaluationSeconds + saves * costs.saveSeconds;
  return { epochs, steps: plan.totalSteps, evaluations, expectedSeconds };
}

/**
 * Returns the longest training whose expected time is within the planned share of a budget. Where epochs are so long that
 * more than a tenth would be left, one epoch more may take a part of the reserve.
 *
 * @param budget.text the budget as the user gave it, for the message
 * @throws UserError (usage) where a single epoch takes longer
 */
export function longestWithin(
  budget: { text: string; seconds: number },
  parts: { images: number; options: BudgetOptions; costs: BudgetCosts },
): BudgetLength {
  const shareOf = (epochs: number): number =>
    lengthOf(epochs, parts).expectedSeconds / budget.seconds;
  const fits = (epochs: number): boolean => shareOf(epochs) <= PLANNED_SHARE;
  if (!fits(1)) {
    if (shareOf(1) <= MOST_SHARE) return lengthOf(1, parts);
    const { steps, evaluations, expectedSeconds } = lengthOf(1, parts);
    throw new UserError(
      `Cannot train in --time_budget=${budget.text}: one epoch of ${steps} steps takes about ${
        durationText(expectedSeconds)
      } here, with the start, ${evaluations} evaluations and saving, expected at least ${
        Math.ceil(expectedSeconds / MOST_SHARE)
      }s`,
      ExitCode.usage,
    );
  }
  let [fit, tooLong] = [1, 2];
  while (tooLong < LARGEST_COUNT && fits(tooLong)) [fit, tooLong] = [tooLong, 2 * tooLong];
  while (tooLong - fit > 1) {
    const middle = Math.floor((fit + tooLong) / 2);
    if (fits(middle)) fit = middle;
    else tooLong = middle;
  }
  const takesMore = shareOf(fit) < LEAST_SHARE && shareOf(fit + 1) <= MOST_SHARE;
  return lengthOf(takesMore ? fit + 1 : fit, parts);
}

/**
 * Returns the epochs of the warm-up: those of the recipe, at most a tenth of the run, which is rounded to whole epochs.
 */
export function warmupWithin(recipeEpochs: number, epochs: number): number {
  return Math.min(recipeEpochs, Math.round(epochs / 10));
}

/** A size of the views in a run. */
export interface ViewSize {
  /** Side of the views in pixels. */
  size: number;
  /** Share of the run's steps with this size, from 0 to 1. */
  share: number;
  /** Recipes of the first step that was looked at with this size. */
  recipes: ViewPair;
}

/** Returns the sizes of the views over a run, the smallest first. */
export function viewSizes(schedule: AugmentSchedule, totalSteps: number): ViewSize[] {
  const moves = schedule.view1.moving.some(({ field }) => field === "cropSize");
  const samples = moves ? Math.min(SAMPLES, totalSteps) : 1;
  const found = new Map<number, ViewSize>();
  for (let sample = 0; sample < samples; sample++) {
    const recipes = recipesAt(schedule, Math.floor((sample + 0.5) / samples * totalSteps));
    const size = recipes.view1.cropSize;
    const one = found.get(size) ?? { size, share: 0, recipes };
    found.set(size, { ...one, share: one.share + 1 / samples });
  }
  return [...found.values()].sort((one, other) => one.size - other.size);
}

/** Returns the sizes to measure: all of a few; of many the smallest, the largest, and some between them. */
export function measuredSizes(sizes: readonly ViewSize[]): ViewSize[] {
  if (sizes.length <= MOST_MEASURED) return [...sizes];
  return Array.from(
    { length: MOST_MEASURED },
    (_, index) => sizes[Math.round(index * (sizes.length - 1) / (MOST_MEASURED - 1))]!,
  );
}

/** The time of a step with views of one size. */
export interface SizeSpeed {
  /** Side of the views in pixels. */
  size: number;
  /** Seconds of a step. */
  stepSeconds: number;
}

/**
 * Returns the mean time of a step over a run, each size weighted by its share of the steps. The time at a size that was
 * not measured is interpolated by the number of pixels.
 *
 * @param speeds the measured sizes, the smallest first; at least one
 */
export function meanStepSeconds(
  sizes: readonly Pick<ViewSize, "size" | "share">[],
  speeds: readonly SizeSpeed[],
): number {
  return sizes.reduce((sum, { size, share }) => sum + share * stepSecondsOf(size, speeds), 0);
}

/** Returns the time of a step with views of one size, in seconds. */
export function stepSecondsOf(size: number, speeds: readonly SizeSpeed[]): number {
  const [below, above] = [
    speeds.findLast((speed) => speed.size <= size),
    speeds.find((speed) => speed.size >= size),
  ];
  if (below === undefined || above === undefined) return (below ?? above)!.stepSeconds;
  if (below === above) return below.stepSeconds;
  const progress = (size ** 2 - below.size ** 2) / (above.size ** 2 - below.size ** 2);
  return below.stepSeconds + progress * (above.stepSeconds - below.stepSeconds);
}
