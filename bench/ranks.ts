/**
 * Cost of ranks: a step of one rank with all of the ranks' machinery (store, watch, Reducer over a group of one)
 * against a step without, in turn in one process; and two Gloo ranks of one thread each against one rank of two
 * threads, by the images/s in their own metrics. On the demo, 32
 * images a step.
 */

import { join } from "node:path";
import { NORMALISATION, VIEW_RECIPES } from "../src/recipes/views.ts";
import { parseCommandLine } from "../src/options/parse.ts";
import { thisEnvironment } from "../src/options/environment.ts";
import { Dataset } from "../src/native/dataset.ts";
import type { Learner } from "../src/native/learner.ts";
import { setThreads } from "../src/native/core.ts";
import { ProcessGroup } from "../src/native/process_group.ts";
import { projectRoot } from "../src/setup/record.ts";
import { createLearner } from "../src/encoder/learner.ts";

const ROUNDS = 120;
const STEPS = 30;
const BATCH = "--batch_size=32";
const COST_LIMIT_PERCENT = 1;

/** Prints both tables; the exit code says whether collectives of one rank cost more than 1 %. */
export async function bench(): Promise<void> {
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
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  using group = ProcessGroup.connect({
    rank: 0,
    worldSize: 1,
    host: "127.0.0.1",
    port,
    connectMilliseconds: 5000,
    beatMilliseconds: 250,
    answerMilliseconds: 5000,
  });
  group.openGroup({
    interface: "",
    address: "127.0.0.1",
    timeoutMilliseconds: 100_000,
    nccl: null,
  });
  using joined = createLearner(config);
  group.join(joined, { syncBn: true });
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
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length / 2]!;
  return [median(times[0]), median(times[1])];
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
