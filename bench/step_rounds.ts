/**
 * Rounds of our steps, timed by processor seconds, which tell the parts of each step apart and need a
 * device that computes within the calls; or by the wall's clock between two waits for the device.
 */

import process from "node:process";
import type { ViewPair } from "../src/recipes/views.ts";
import { constantSchedule } from "../src/recipes/view_schedule.ts";
import { pretrain } from "../src/byol/pretrain.ts";
import type { RunConfig } from "../src/options/config.ts";
import type { Dataset } from "../src/native/dataset.ts";
import type { Learner } from "../src/native/learner.ts";

const LEARNING_RATE = 0.2;
const TAU = 0.99;
/** Steps before the first round: on a GPU kernels are chosen, compiled and recorded in them. */
const WARM_UP = { processor: 2, wall: 12 } as const;
/** No step of a bench ends an epoch or is logged. */
const NEVER = 2 ** 40;

/** A round that is asked for. */
export interface Request {
  /** Steps, or repetitions of a part. */
  count: number;
  /**
   * The part alone; "compute" is a step on the views of the step before; "evaluation" is no part of it: embeddings of
   * the images that a linear probe learns from. None: whole steps.
   */
  only?: "views" | "compute" | "forward_backward" | "update" | "target" | "evaluation";
}

/** Images and recipes that steps run on. */
export interface Parts {
  learner: Learner;
  dataset: Dataset;
  config: RunConfig;
  recipes: ViewPair;
}

/** Runs a round. @returns seconds by part */
export type Round = (request: Request) => Promise<Record<string, number>>;

/** Rounds by processor seconds, warmed up. They take "views" alone, "evaluation", or whole steps. */
export function processorRounds({ learner, dataset, config }: Parts): Promise<Round> {
  let made = 0;
  const seconds = { views: 0, forward_backward: 0, update: 0, target: 0, evaluation: 0 };
  const timed = (part: keyof typeof seconds, body: () => void): void => {
    const { user, system } = process.cpuUsage();
    body();
    const after = process.cpuUsage();
    seconds[part] += (after.user + after.system - user - system) / 1e6;
  };
  const step = (): void => {
    timed("views", () => dataset.makeViews(0, made++));
    timed("forward_backward", () => learner.forwardBackward(dataset));
    timed("update", () => learner.applyUpdate({ ...config, learningRate: LEARNING_RATE }));
    timed("target", () => learner.moveTarget(TAU));
  };
  const bodies: Partial<Record<NonNullable<Request["only"]>, () => void>> = {
    views: () => timed("views", () => dataset.makeViews(0, made++)),
    evaluation: () => timed("evaluation", () => embed({ learner, dataset }, made++)),
  };
  for (let warmUp = 0; warmUp < WARM_UP.processor; warmUp++) step();
  learner.readMetrics();
  return Promise.resolve(({ count, only }) => {
    for (const part of Object.keys(seconds) as (keyof typeof seconds)[]) seconds[part] = 0;
    const body = only && bodies[only] || step;
    for (let index = 0; index < count; index++) body();
    const worked = Object.entries(seconds).filter(([, spent]) => spent > 0);
    return Promise.resolve(Object.fromEntries(worked));
  });
}

/** The work of a step of the linear probe but for the classifier's own, which is a thousandth of it. */
function embed({ learner, dataset }: Pick<Parts, "learner" | "dataset">, step: number): void {
  dataset.makeProbeBatch(0, step);
  dataset.embed(learner);
}

/**
 * Rounds by the wall's clock, warmed up: steps are those of the training loop itself, so that what it records or makes
 * ahead counts. A GPU works beside the calls, and its parts cannot be told apart within a step.
 */
export async function wallRounds({ learner, dataset, config, recipes }: Parts): Promise<Round> {
  let done = 0;
  const steps = async (count: number): Promise<void> => {
    await pretrain({ learner, dataset }, {
      ...config,
      accumulateSteps: 1,
      stepsPerEpoch: NEVER,
      epochs: 1,
      warmupEpochs: 0,
      learningRate: LEARNING_RATE,
      tauBase: TAU,
      augmentation: constantSchedule(recipes),
      firstStep: done,
      endStep: done + count,
      logEverySteps: NEVER,
      probeRates: undefined,
    });
    done += count;
  };
  // The loop asks for views before each step: it is given those that are there.
  const onSameViews = async (body: () => Promise<void>): Promise<void> => {
    const { makeViews } = dataset;
    dataset.makeViews = () => {};
    try {
      await body();
    } finally {
      dataset.makeViews = makeViews;
    }
  };
  // The loop reads its last step's figures, which waits for the device; so does each round of a part, where there is one.
  const repeat = (count: number, body: () => void): Promise<void> => {
    for (let index = 0; index < count; index++) body();
    if (config.hardware !== "cpu") learner.readMetrics();
    return Promise.resolve();
  };
  const update = { ...config, learningRate: 1e-9 };
  const bodies: Record<NonNullable<Request["only"]> | "step", (count: number) => Promise<void>> = {
    step: steps,
    compute: (count) => onSameViews(() => steps(count)),
    views: (count) => repeat(count, () => dataset.makeViews(0, done++)),
    forward_backward: (count) => repeat(count, () => learner.forwardBackward(dataset)),
    update: (count) => repeat(count, () => learner.applyUpdate(update)),
    target: (count) => repeat(count, () => learner.moveTarget(TAU)),
    evaluation: (count) => repeat(count, () => embed({ learner, dataset }, done++)),
  };
  // At another size than the images' own, views are made once: what is measured are steps on them.
  dataset.makeViews(0, done);
  await onSameViews(() => steps(WARM_UP.wall));
  return async ({ count, only }) => {
    const part = only ?? "step";
    learner.readMetrics();
    const start = performance.now();
    await bodies[part](count);
    return { [part]: (performance.now() - start) / 1000 };
  };
}
