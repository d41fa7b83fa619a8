/**
 * Our side of `deno task bench step`, a process like its peers': builds the step of the options and then runs as many as
 * each line of stdin asks for. Its answer tells the parts of a step apart.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { NORMALISATION, VIEW_RECIPES } from "../src/augment.ts";
import { parseCommandLine, thisEnvironment } from "../src/config.ts";
import { openDevice } from "../src/device.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/library.ts";
import { createLearner } from "../src/train.ts";

const IMAGES = 1024;

const { config } = parseCommandLine(
  "train",
  ["--dataset_name=cifar10", "--data_dir=none", ...Deno.args],
  thisEnvironment(),
);
openDevice(config);
setThreads(config.threads);
using learner = createLearner(config);
using dataset = Dataset.open({
  source: { kind: "demo", train: true, count: Math.max(IMAGES, config.batchSize) },
  dtype: config.dtype,
  workers: 1,
  normalisation: NORMALISATION.cifar10,
});
dataset.setRecipes(config.batchSize, VIEW_RECIPES.cifar10);
let made = 0;
const seconds = { views: 0, forward_backward: 0, update: 0, target: 0 };

function timed(part: keyof typeof seconds, body: () => void): void {
  const { user, system } = process.cpuUsage();
  body();
  const after = process.cpuUsage();
  seconds[part] += (after.user + after.system - user - system) / 1e6;
}

function step(): void {
  timed("views", () => dataset.makeViews(0, made++));
  timed("forward_backward", () => learner.forwardBackward(dataset));
  timed("update", () => learner.applyUpdate({ ...config, learningRate: 0.2 }));
  timed("target", () => learner.moveTarget(0.99));
}

for (let warmUp = 0; warmUp < 2; warmUp++) step();
learner.readMetrics();
console.log(JSON.stringify({ ready: Deno.version.deno }));
for await (const line of createInterface({ input: process.stdin })) {
  const { count, only } = JSON.parse(line) as { count: number; only?: "views" };
  for (const part of Object.keys(seconds) as (keyof typeof seconds)[]) seconds[part] = 0;
  for (let index = 0; index < count; index++) {
    if (only === "views") timed("views", () => dataset.makeViews(0, made++));
    else step();
  }
  const images = count * config.batchSize;
  console.log(JSON.stringify({ seconds, images, peak_mib: process.resourceUsage().maxRSS / 1024 }));
}
