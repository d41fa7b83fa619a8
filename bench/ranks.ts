/**
 * Cost of ranks: a step of one rank with all of the ranks' machinery (store, watch, Reducer over a group of one)
 * against a step without, in turn in one process; and two Gloo ranks of one thread each against one rank of two
 * threads, by the images/s in their own metrics. On the demo, 32
 * images a step.
 *
 * `deno task bench ranks --exchange [--hardware=mono-gpu --precision=mixed] [--batch_size=N] [--resnet_type=resnet18]
 * [--image_size=32] [--rounds=5] [--steps=30] [--threads=1]`: a step of a rank alone against a step of the only rank of a
 * real process group that gathers its batch statistics in every normalisation, over NCCL on a GPU and over Gloo on the
 * processor; both without the CUDA graph, beside a rank alone with it. Each is a process of its own, asked in turn, by the
 * wall's clock between two waits for the device, on given views.
 */

import { join } from "node:path";
import { NORMALISATION, VIEW_RECIPES } from "../src/recipes/views.ts";
import { parseCommandLine } from "../src/options/parse.ts";
import { thisEnvironment } from "../src/options/environment.ts";
import { Dataset } from "../src/native/dataset.ts";
import type { Learner } from "../src/native/learner.ts";
import { setThreads } from "../src/native/core.ts";
import { projectRoot } from "../src/setup/record.ts";
import { createLearner } from "../src/encoder/learner.ts";
import { RANK_PERMISSIONS } from "../src/base/permissions.ts";
import { groupOfOne } from "./group_of_one.ts";
import { median, quantile } from "./statistics.ts";
import { type Answer, Worker } from "./worker.ts";

const ROUNDS = 120;
const STEPS = 30;
const BATCH = "--batch_size=32";
const COST_LIMIT_PERCENT = 1;

/** Prints both tables, or that of --exchange; the exit code says whether collectives of one rank cost more than 1 %. */
export async function bench(args: readonly string[] = []): Promise<void> {
  if (args.includes("--exchange")) return await exchangeOfOne(args);
  const [without, alone] = costOfOne();
  const cost = 100 * (alone / without - 1);
  console.log("| step without collectives | with, one rank | cost |\n| --- | --- | --- |");
  console.log(`| ${without.toFixed(1)} ms | ${alone.toFixed(1)} ms | ${cost.toFixed(2)} % |\n`);
  const one = await imagesPerSecond(["--threads=2"]);
  const two = await imagesPerSecond(["--ranks=2", "--threads=1"]);
  console.log("| 1 rank, 2 threads | 2 ranks, 1 thread each | ratio |\n| --- | --- | --- |");
  console.log(
    `| ${one.toFixed(1)} images/s | ${two.toFixed(1)} images/s | ${(two / one).toFixed(2)} |`,
  );
  if (cost > COST_LIMIT_PERCENT) Deno.exitCode = 1;
}

/** Milliseconds of a step without and with collectives: the median each, taken in turn. */
function costOfOne(): [number, number] {
  const { config } = parseCommandLine("train", ["--threads=1", BATCH], thisEnvironment());
  setThreads(1);
  using dataset = Dataset.open({
    source: { kind: "demo", train: true, count: 1000 },
    dtype: config.dtype,
    workers: 1,
    normalisation: NORMALISATION.demo,
  });
  dataset.setRecipes(config.batchSize, VIEW_RECIPES.demo);
  using plain = createLearner(config);
  using group = groupOfOne("cpu");
  using joined = createLearner(config);
  group.join(joined, { syncBn: false });
  const times: [number[], number[]] = [[], []];
  const step = (learner: Learner, index: number): number => {
    const startedAt = performance.now();
    dataset.makeViews(0, index);
    learner.forwardBackward(dataset);
    learner.applyUpdate({ ...config, learningRate: 0.1 });
    learner.moveTarget(0.99);
    return performance.now() - startedAt;
  };
  for (let index = 0; index < ROUNDS; index++) {
    // Whichever comes second in a round finds the same caches.
    const order = index % 2 === 0 ? [0, 1] as const : [1, 0] as const;
    for (const which of order) times[which].push(step([plain, joined][which]!, index));
  }
  return [median(times[0]), median(times[1])];
}

/** Prints the rates of a rank alone, of a group of one that exchanges its statistics, and of a rank with the graph. */
async function exchangeOfOne(args: readonly string[]): Promise<void> {
  const option = (name: string, fallback: string): string =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean) ?? fallback;
  const onGpu = option("hardware", "cpu") !== "cpu";
  const given = args.filter((arg) => !/^--(?:exchange$|rounds=|steps=)/.test(arg));
  const backend = onGpu ? "NCCL" : "Gloo";
  const kinds: readonly [string, string[]][] = [
    ["a rank alone, without the CUDA graph", ["--cuda_graph=false"]],
    [`a group of one rank, statistics over ${backend}`, ["--cuda_graph=false", "--exchange"]],
    ...onGpu ? [["a rank alone, with the CUDA graph", []] as [string, string[]]] : [],
  ];
  const [rounds, steps] = [Number(option("rounds", "5")), Number(option("steps", "30"))];
  const workers = kinds.map(([, more]) =>
    new Worker(Deno.execPath(), [
      ...["run", ...RANK_PERMISSIONS, "-N=127.0.0.1", "bench/step_server.ts", "--clock=wall"],
      ...given,
      ...more,
    ])
  );
  try {
    for (const worker of workers) await worker.ready();
    for (let round = 0; round < rounds; round++) {
      for (const worker of workers) await worker.ask({ count: steps, only: "compute" });
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
  const rates = workers.map(({ answers }) => answers.map(rateOf));
  console.log(`${given.join(" ")}, ${rounds} rounds of ${steps} steps\n`);
  console.log(
    "| a step on given views | images/s | of the first (quartiles) |\n| --- | ---: | --- |",
  );
  for (const [index, [what]] of kinds.entries()) {
    const ratios = rates[index]!.map((rate, round) => rate / rates[0]![round]!)
      .sort((a, b) => a - b);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share));
    console.log(
      `| ${what} | ${median(rates[index]!).toPrecision(4)} | ` +
        `${middle!.toFixed(3)} × (${low!.toFixed(3)} to ${high!.toFixed(3)}) |`,
    );
  }
}

function rateOf({ seconds, images }: Answer): number {
  return images / Object.values(seconds).reduce((sum, value) => sum + value, 0);
}

async function imagesPerSecond(args: string[]): Promise<number> {
  const runDir = await Deno.makeTempDir();
  const options = [
    BATCH,
    `--max_steps=${STEPS}`,
    "--clsf_every=0",
    "--nb_workers=1",
    "--log_every=10",
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "src/cli.ts", "train", ...options, `--run_dir=${runDir}`, ...args],
    cwd: projectRoot,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const rows = Deno.readTextFileSync(join(runDir, "metrics.jsonl")).trim().split("\n")
    .map((line) => JSON.parse(line)).filter(({ kind }) => kind === "train");
  await Deno.remove(runDir, { recursive: true });
  // The first row has the warming up in it.
  const steady = rows.slice(1).map((row) => row.images_per_second as number);
  return steady.reduce((sum, value) => sum + value, 0) / steady.length;
}
