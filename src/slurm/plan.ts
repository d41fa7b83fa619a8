/**
 * `deno task plan`: the cost of a training before it is submitted: images/s (given, or measured by a short run on this
 * machine), hours, GPU-hours, and the number of jobs under the time limit.
 *
 * @module
 */

import { longestWithin } from "../byol/budget.ts";
import { evaluationSeconds, evaluationWork } from "../byol/cost.ts";
import { evaluatedSteps, planTraining } from "../byol/plan.ts";
import { numbersOf } from "../data/limit.ts";
import { DEMO_IMAGES } from "../data/open.ts";
import type { RunConfig } from "../options/config.ts";
import { surveyPhotos } from "../data/photo_survey.ts";
import { MOST_SURVEYED } from "../options/photo_recipe.ts";
import { environmentOfOne } from "../options/environment.ts";
import { counted } from "../base/counted.ts";
import { secondsOf } from "../base/duration.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { PLAN } from "../options/commands/slurm.ts";
import { measureRank } from "./measure.ts";
import { budgetPrice, devicesOf, readRequest, type Request, timeText } from "./request.ts";
import { type Site, siteHere } from "./site.ts";
import { JOULES_PER_KWH } from "../run/usage.ts";
import { printLine } from "../base/output.ts";

/** Number of images of the published data sets, by the name of the data set or preset. */
const IMAGES: Readonly<Record<string, { train: number; test: number }>> = {
  demo: DEMO_IMAGES,
  cifar10: { train: 50_000, test: 10_000 },
  cifar100: { train: 50_000, test: 10_000 },
  imagenet: { train: 1_281_167, test: 50_000 },
  imagenette: { train: 9_469, test: 3_925 },
};

/** Seconds of each job that are not trained: opening and indexing of the images, loading of the checkpoint. */
const START_SECONDS = 120;

/** The most of a budget that its start counts as. */
const START_SHARE = 0.05;

/** Cost of a training. */
export interface Plan {
  /** Epochs of the training; of a run with a budget, those that it would choose at this speed. */
  epochs: number;
  stepsPerEpoch: number;
  /** Steps of the training: those of the schedules, or --max_steps. */
  totalSteps: number;
  /** Source images of all steps. */
  images: number;
  trainingSeconds: number;
  evaluations: number;
  evaluationSeconds: number;
  /** Time of the whole training; of a run with a budget, the budget. */
  totalSeconds: number;
  /** Hours times GPUs; without GPUs, hours times cores. */
  deviceHours: number;
  /** Number of jobs under the time limit; Infinity where the time limit is too short for any step. */
  links: number;
}

/**
 * Returns the cost of a training.
 *
 * @param speed.imagesPerSecond source images per second of all ranks together
 * @param speed.trainImages number of training images; by default that of the published data set
 */
export function planOf(
  request: Pick<
    Request,
    "config" | "nodes" | "ranksPerNode" | "coresPerRank" | "gpus" | "seconds" | "signalSeconds"
  >,
  { imagesPerSecond, trainImages }: { imagesPerSecond: number; trainImages?: number },
): Plan {
  const { config } = request;
  const count = countOf(config) ?? { train: 0, test: 0 };
  const { train, heldOut } = numbersOf(trainImages ?? count.train, config);
  const work = evaluationWork({ train, test: count.test + heldOut }, config);
  const secondsOfEvaluation = evaluationSeconds(work, {
    imagesPerSecond,
    rotationWeight: config.rotationWeight,
  });
  const budget = config.timeBudget === null ? undefined : secondsOf(config.timeBudget);
  const epochs = budget === undefined ? config.epochs : epochsWithin(config, {
    images: train,
    stepSeconds: config.batchSize / imagesPerSecond,
    evaluationSeconds: secondsOfEvaluation,
  });
  const training = planTraining(train, { ...config, epochs });
  const images = training.endStep * config.batchSize;
  const evaluations = evaluatedSteps(training).length;
  const evaluationsSeconds = evaluations * secondsOfEvaluation;
  const trainingSeconds = images / imagesPerSecond;
  const totalSeconds = budget ?? trainingSeconds + evaluationsSeconds;
  const useful = request.seconds - request.signalSeconds - START_SECONDS;
  return {
    epochs,
    stepsPerEpoch: training.stepsPerEpoch,
    totalSteps: training.endStep,
    images,
    trainingSeconds,
    evaluations,
    evaluationSeconds: evaluationsSeconds,
    totalSeconds,
    deviceHours: totalSeconds / 3600 * devicesOf(request),
    links: useful > 0 ? Math.ceil(totalSeconds / useful) : Infinity,
  };
}

/** Returns the epochs that a budget would choose at a given speed. The job measures its own. */
function epochsWithin(
  config: RunConfig,
  { images, stepSeconds, evaluationSeconds }: {
    images: number;
    stepSeconds: number;
    evaluationSeconds: number;
  },
): number {
  const text = config.timeBudget!;
  const seconds = secondsOf(text);
  const startSeconds = Math.min(START_SECONDS, START_SHARE * seconds);
  const costs = {
    startSeconds,
    stepSecondsAt: () => stepSeconds,
    evaluationSeconds,
    saveSeconds: 0,
  };
  return longestWithin({ text, seconds }, { images, options: config, costs }).epochs;
}

function countOf(
  { preset, datasetName, dataDir }: RunConfig,
): { train: number; test: number } | undefined {
  if (datasetName === "folder") return surveyed(dataDir);
  return IMAGES[preset ?? ""] ?? IMAGES[datasetName];
}

/** Returns the number of images in a folder; undefined where they cannot be read or are too many to be counted. */
function surveyed(dataDir: string | null): { train: number; test: number } | undefined {
  const survey = surveyPhotos({ datasetName: "folder", dataDir });
  if (survey === undefined || survey.count >= MOST_SURVEYED) return undefined;
  return { train: survey.count, test: survey.tested };
}

/** Speed of all ranks. */
interface Speed {
  imagesPerSecond: number;
  /** Power of their GPUs in watts; absent where it is not measured. */
  watts?: number;
  /** Speed in words. */
  text: string;
}

/** Returns the speed of all ranks, extrapolated from one rank on this machine. */
async function measuredSpeed(
  request: Request,
  steps: number,
): Promise<Speed> {
  const ranks = request.nodes * request.ranksPerNode;
  const { rate: one, steps: measured, isFirst, watts } = await measureRank(request, steps);
  const scaled = ranks > 1
    ? ` on one rank here, × ${ranks} ranks without the cost of their communication`
    : " here";
  const what = isFirst
    ? "in the first step alone, which is slower than the others: there was no time for more"
    : `in ${counted(measured, "step")}`;
  return {
    imagesPerSecond: one * ranks,
    ...watts !== undefined && { watts: watts * ranks },
    text: `${(one * ranks).toFixed(1)} (${one.toFixed(1)} measured ${what}${scaled})`,
  };
}

function table(
  request: Request,
  plan: Plan,
  { speed, site }: { speed: Speed; site: Pick<Site, "factors"> },
): string {
  const { qos, gpus, nodes, ranksPerNode, config } = request;
  const price = budgetPrice(request);
  const rows: [string, string][] = [
    ["job", `${nodes} × ${ranksPerNode} ranks, profile ${request.profileName}`],
    ["images/s", speed.text],
    [
      "steps",
      `${plan.stepsPerEpoch} an epoch of batch ${config.batchSize}, ${plan.totalSteps} in all`,
    ],
    ["source images", plan.images.toLocaleString("en")],
    ["training", hours(plan.trainingSeconds)],
    [
      "evaluation",
      `${
        hours(plan.evaluationSeconds)
      } for ${plan.evaluations}, estimated from the work of a forward pass`,
    ],
    ...price === undefined ? [] : [
      [
        "budget",
        `${price}; about ${counted(plan.epochs, "epoch")}, which the run chooses by its own speed`,
      ] satisfies [string, string],
    ],
    ["total", hours(plan.totalSeconds)],
    [gpus ? "GPU-hours" : "core-hours", plan.deviceHours.toFixed(1)],
    ...costRows(request, plan, { speed, site }),
    [
      "links",
      `${plan.links} of ${timeText(request.seconds)}${qos?.name ? ` under ${qos.name}` : ""}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => `${name.padEnd(width)}${text}`).join("\n");
}

/** Returns the rows on normalised hours, energy and carbon, as far as factors are known and the power is measured. */
function costRows(
  { gpus, profile }: Request,
  { deviceHours, totalSeconds }: Plan,
  { speed: { watts }, site: { factors } }: { speed: Speed; site: Pick<Site, "factors"> },
): [string, string][] {
  if (!gpus) return [];
  const factor = factors.hours_factor ?? profile.hoursFactor;
  const kwh = watts === undefined ? undefined : watts * totalSeconds / JOULES_PER_KWH;
  const { grams_per_kwh: grams } = factors;
  const row = (name: string, value: number | undefined, unit: string): [string, string][] =>
    value === undefined ? [] : [[name, `${value.toFixed(1)}${unit}`]];
  return [
    ...row("normalised", factor === null ? undefined : factor * deviceHours, " hours"),
    ...row("energy", kwh, " kWh of the GPUs, by the power measured here"),
    ...row("carbon", kwh === undefined || grams === undefined ? undefined : kwh * grams, " g CO2e"),
  ];
}

function hours(seconds: number): string {
  return seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/**
 * Prints the plan of a training.
 *
 * @returns the exit code
 * @throws UserError for wrong options, and where the speed cannot be measured
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const { request, own } = readRequest(args, { spec: PLAN, environment: environmentOfOne() });
  if (request.nodeCounts.length > 1) {
    throw usageError(
      `Cannot plan for --nodes=${request.nodeCounts.join()}: expected one number of nodes, whose speed the plan is of`,
    );
  }
  const trainImages = own.trainImages ?? undefined;
  if (trainImages === undefined && countOf(request.config) === undefined) {
    throw usageError(
      `Cannot plan for --dataset_name=${request.config.datasetName}, whose number of images is unknown: expected ` +
        "--train_images=N",
    );
  }
  const speed = own.imagesPerSecond === null
    ? await measuredSpeed(request, own.measureSteps)
    : { imagesPerSecond: own.imagesPerSecond, text: `${own.imagesPerSecond} (given)` };
  const site = await siteHere();
  const plan = planOf(request, { imagesPerSecond: speed.imagesPerSecond, trainImages });
  if (plan.stepsPerEpoch === 0) {
    throw new UserError(
      `Cannot plan with --batch_size=${request.config.batchSize}: expected at most the number of training images`,
      ExitCode.usage,
    );
  }
  printLine(table(request, plan, { speed, site }));
  return ExitCode.ok;
}
