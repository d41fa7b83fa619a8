/**
 * Our side of `deno task bench step`, a process like its peers': builds the step of the options and then runs as many as
 * each line of stdin asks for. By the processor's clock its answer tells the parts of a step apart; by the wall's clock,
 * which a GPU needs, each request is of one part (bench/step_rounds.ts). With --exchange the learner is that of a process
 * group of one rank, which gathers its own batch statistics (bench/ranks.ts).
 */

import process from "node:process";
import { createInterface } from "node:readline";
import {
  NORMALISATION,
  PROBE_TRANSFORMS,
  VIEW_RECIPES,
  viewsAtSize,
} from "../src/recipes/views.ts";
import { parseCommandLine } from "../src/options/parse.ts";
import { thisEnvironment } from "../src/options/environment.ts";
import { deviceOf, openDevice } from "../src/runtime/device.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/core.ts";
import { createLearner } from "../src/encoder/learner.ts";
import { SINGLE_PROCESS } from "../src/runtime/rank.ts";
import { groupOfOne } from "./group_of_one.ts";
import { processorRounds, type Request, wallRounds } from "./step_rounds.ts";

const IMAGES = 1024;

const OWN = /^--(?:clock=|image_size=|exchange$)/;
const own = (name: string): string | undefined =>
  Deno.args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean);

const { config } = parseCommandLine(
  "train",
  [
    ...["--dataset_name=cifar10", "--data_dir=none"],
    ...Deno.args.filter((arg) => !OWN.test(arg)),
  ],
  thisEnvironment(),
);
const side = Number(own("image_size") ?? "32");
const byWall = own("clock") === "wall";
const device = deviceOf(config, SINGLE_PROCESS);
openDevice(config, device);
setThreads(config.threads);
using learner = createLearner(config, { stem: side > 32 ? "imagenet" : "cifar" });
using group = Deno.args.includes("--exchange") ? groupOfOne(config.hardware) : undefined;
group?.join(learner, { syncBn: true });
using dataset = Dataset.open({
  source: { kind: "demo", train: true, count: Math.max(IMAGES, config.batchSize) },
  dtype: config.dtype,
  device,
  // Processor seconds are counted for one thread; by the wall's clock a run's own number of them counts.
  workers: byWall ? config.nbWorkers : 1,
  normalisation: NORMALISATION.cifar10,
});
const recipes = side > 32 ? viewsAtSize(VIEW_RECIPES.imagenet, side) : VIEW_RECIPES.cifar10;
dataset.setRecipes(config.batchSize, recipes);
dataset.setProbe(config.batchSize, PROBE_TRANSFORMS.cifar10);
const rounds = byWall ? wallRounds : processorRounds;
const run = await rounds({ learner, dataset, config, recipes });
console.log(JSON.stringify({ ready: Deno.version.deno }));
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  const seconds = await run(request);
  const images = request.count * config.batchSize;
  console.log(JSON.stringify({ seconds, images, peak_mib: process.resourceUsage().maxRSS / 1024 }));
}
