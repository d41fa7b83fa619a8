/** The lines that a training begins and ends with. */

import { counted } from "../../base/counted.ts";
import { isEvaluated, type TrainingPlan } from "../../byol/plan.ts";
import type { RunConfig } from "../../options/config.ts";
import type { RunFolder } from "../../run/folder.ts";

/** Returns the lines before the first step of an invocation: the network, the steps, and the folder of the run. */
export function openingLines(
  { config, folder }: { config: RunConfig; folder: RunFolder },
  plan: TrainingPlan,
  firstStep: number,
): string[] {
  const { epochs, batchSize, resnetType, maxSteps, evalEveryEpochs } = config;
  const { stepsPerEpoch, endStep, totalSteps } = plan;
  const stop = endStep < totalSteps ? `, to stop at step ${endStep}` : "";
  const lines = [
    `${resnetType}: ${counted(epochs, "epoch")} of ${counted(stepsPerEpoch, "step")}, ` +
    `batches of ${batchSize}${stop}; the run is in ${folder.path}`,
  ];
  if (firstStep > 0) return lines;
  if (isEvaluated(0, plan)) {
    lines.push("The untrained encoder is evaluated first, to compare the trained one with it");
  } else if (maxSteps !== null && evalEveryEpochs > 0) {
    lines.push(`--max_steps=${maxSteps} leaves out the evaluation of the untrained encoder`);
  }
  return lines;
}

/** Returns the lines after the result of a finished run. */
export function closingLines({ path, encoderFile }: RunFolder): string[] {
  return [
    `The encoder is ${encoderFile}; other programs read what deno task export makes of it`,
    `A page with curves, views and neighbours: deno task report --run_dir=${path}`,
  ];
}
