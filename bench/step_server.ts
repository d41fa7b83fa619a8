/**
 * Our side of `deno task bench step`, a process like its peers': builds the step of the options and then runs as many as
 * each line of stdin asks for: whole steps, or only their views, or only what comes after the views. On the processor its
 * answer tells the parts of a step apart, in seconds of processor time; on a GPU, which is not waited for between them,
 * it has the seconds from the first step's start to the last one's end.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { NORMALISATION, VIEW_RECIPES, viewsAtSize } from "../src/augment.ts";
import { parseCommandLine, thisEnvironment } from "../src/config.ts";
import { deviceOf, openDevice } from "../src/device.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/library.ts";
import { StepGraph } from "../src/step_graph.ts";
import { createLearner } from "../src/train.ts";

const IMAGES = 1024;

const { config } = parseCommandLine(
  "train",
  // The stem is the data set's, and large images have ImageNet's.
  [
    ...Deno.args.includes("--image_size=224")
      ? ["--dataset_name=imagenet", "--batch_size=64"]
      : ["--dataset_name=cifar10"],
    "--data_dir=none",
    ...Deno.args,
  ],
  thisEnvironment(),
);
openDevice(config);
setThreads(config.threads);
using learner = createLearner(config);
using dataset = Dataset.open({
  source: { kind: "demo", train: true, count: Math.max(IMAGES, config.batchSize) },
  dtype: config.dtype,
  device: deviceOf(config),
  workers: 1,
  normalisation: NORMALISATION.cifar10,
});
const views = VIEW_RECIPES.cifar10;
dataset.setRecipes(
  config.batchSize,
  config.imageSize === null ? views : viewsAtSize(views, config.imageSize),
);
const onGpu = config.hardware !== "cpu";
const graph = new StepGraph(learner, onGpu && config.cudaGraph);
const rates = { learningRate: 0.2, tau: 0.99 };
let made = 0;
const seconds: Record<string, number> = {};

function timed(part: string, body: () => void): void {
  // What is only enqueued has no time of its own.
  if (onGpu) return body();
  const { user, system } = process.cpuUsage();
  body();
  const after = process.cpuUsage();
  seconds[part] = (seconds[part] ?? 0) + (after.user + after.system - user - system) / 1e6;
}

function makeViews(): void {
  timed("views", () => dataset.makeViews(0, made++));
}

function compute(): void {
  graph.run(dataset, rates, () => {
    timed("forward_backward", () => learner.forwardBackward(dataset));
    timed("update", () => learner.applyUpdate({ ...config, learningRate: rates.learningRate }));
    timed("target", () => learner.moveTarget(rates.tau));
  });
}

const WORK: Record<string, (() => void)[]> = {
  views: [makeViews],
  compute: [compute],
  all: [makeViews, compute],
};

// On a GPU until the step is recorded, too.
for (let warmUp = 0; warmUp < (onGpu ? 6 : 2); warmUp++) WORK["all"]!.forEach((work) => work());
learner.readMetrics();
console.log(JSON.stringify({ ready: Deno.version.deno }));
for await (const line of createInterface({ input: process.stdin })) {
  const { count, only = "all" } = JSON.parse(line) as { count: number; only?: string };
  for (const part of Object.keys(seconds)) delete seconds[part];
  const start = performance.now();
  for (let index = 0; index < count; index++) WORK[only]!.forEach((work) => work());
  if (onGpu) {
    // The only wait on the device.
    learner.readMetrics();
    seconds[only] = (performance.now() - start) / 1000;
  }
  const images = count * config.batchSize;
  console.log(JSON.stringify({ seconds, images, peak_mib: process.resourceUsage().maxRSS / 1024 }));
}
