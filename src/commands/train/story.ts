/** The lines that a training begins and ends with. */

import { durationText } from "../../base/terminal.ts";
import { counted } from "../../base/counted.ts";
import { isEvaluated, type TrainingPlan } from "../../byol/plan.ts";
import type { RunConfig } from "../../options/config.ts";
import { recipesAt } from "../../recipes/schedules.ts";
import type { AugmentSchedule } from "../../recipes/view_schedule.ts";
import type { ViewRecipe } from "../../recipes/views.ts";
import type { Training } from "./training.ts";
import type { BudgetRecord } from "../../run/record.ts";
import type { RunFolder } from "../../run/folder.ts";

/** Start of an invocation. */
interface Start {
  /** Number of steps that earlier invocations have made. */
  firstStep: number;
  /** True where the processor multiplies bfloat16 in hardware. */
  bf16: boolean;
  /** The recipes of the views over time. */
  augmentation: AugmentSchedule;
  /** Number of training images whose headers were read, all of which are gray; undefined for others. */
  grays: number | undefined;
}

/** Returns the lines before the first step of an invocation: the network, the steps, and the folder of the run. */
export function openingLines(
  { config, folder }: { config: RunConfig; folder: RunFolder },
  plan: TrainingPlan,
  { firstStep, bf16, augmentation, grays }: Start,
): string[] {
  const { epochs, batchSize, resnetType, maxSteps, evalEveryEpochs } = config;
  const { stepsPerEpoch, endStep, totalSteps } = plan;
  const stop = endStep < totalSteps ? `, to stop at step ${endStep}` : "";
  const lines = [
    `${resnetType}: ${counted(epochs, "epoch")} of ${counted(stepsPerEpoch, "step")}, ` +
    `batches of ${batchSize}${stop}; the run is in ${folder.path}`,
  ];
  if (firstStep > 0) return lines;
  if (bf16 && isFloat32OnProcessor(config)) {
    lines.push(
      "This processor has bfloat16: --precision=mixed trains 1.2 to 1.9 times as fast (measured: docs/performance.md), " +
        "and rounds more; it is off unless it is given, as a run resumes on such processors alone then",
    );
  }
  if (grays !== undefined) lines.push(...grayLines(grays, augmentation));
  if (isEvaluated(0, plan)) {
    lines.push("The untrained encoder is evaluated first, to compare the trained one with it");
  } else if (maxSteps !== null && evalEveryEpochs > 0) {
    lines.push(`--max_steps=${maxSteps} leaves out the evaluation of the untrained encoder`);
  }
  return lines;
}

function isFloat32OnProcessor({ hardware, precision, dtype }: RunConfig): boolean {
  return hardware === "cpu" && precision === "normal" && dtype === "float32";
}

/** Returns a line on the operations that leave gray images as they are, where the first views' recipes have some. */
function grayLines(grays: number, augmentation: AugmentSchedule): string[] {
  const { view1, view2 } = recipesAt(augmentation, 0);
  const uses = (isUsed: (view: ViewRecipe) => boolean): boolean => [view1, view2].some(isUsed);
  const idle = [
    ...uses((view) => view.jitterProbability > 0 && view.saturation > 0) ? ["saturation"] : [],
    ...uses((view) => view.jitterProbability > 0 && view.hue > 0) ? ["hue"] : [],
    ...uses((view) => view.grayscaleProbability > 0) ? ["grayscale"] : [],
  ];
  if (idle.length === 0) return [];
  return [
    `The training images are gray, by ${counted(grays, "header")}: ${
      idle.join(", ")
    } of the views ` +
    "leave them as they are (--aug_schedule chooses other operations)",
  ];
}

/** Returns the line on what a budget has chosen, and by what measurement. */
export function budgetText(
  { timeBudget, batchSize }: RunConfig,
  { epochs, steps, warmupEpochs, speeds, measuredSteps, ...expected }: BudgetRecord,
): string {
  const rates = speeds.map(({ size, stepSeconds }) =>
    `${(batchSize / stepSeconds).toFixed(1)} images/s${speeds.length > 1 ? ` at ${size} px` : ""}`
  );
  const { evaluations, evaluationSeconds, expectedSeconds } = expected;
  const evaluating = evaluations === 0
    ? ""
    : `, with ${counted(evaluations, "evaluation")} of ${durationText(evaluationSeconds)}`;
  return `--time_budget=${timeBudget} chose ${counted(epochs, "epoch")} (${
    counted(steps, "step")
  }) with a warm-up of ${warmupEpochs}, by ${rates.join(" and ")} in ${
    counted(measuredSteps, "step")
  }: about ${durationText(expectedSeconds)}${evaluating}`;
}

/** Returns the note on a run that its budget has ended before its last step. */
export function lateText(
  { invocation: { config }, plan }: Pick<Training, "invocation" | "plan">,
  stepsDone: number,
): string {
  return `Late for --time_budget=${config.timeBudget}: stopped at step ${stepsDone} of ${plan.totalSteps} and saved, ` +
    "before the schedules have ended";
}

/** Returns the lines after the result of a finished run. */
export function closingLines({ path, encoderFile }: RunFolder): string[] {
  return [
    `The encoder is ${encoderFile}; other programs read what deno task export makes of it`,
    `A page with curves, views and neighbours: deno task report --run_dir=${path}`,
  ];
}
