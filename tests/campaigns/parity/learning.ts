/**
 * Does our program learn what a plain PyTorch program of the same recipe learns? ResNet-20 on CIFAR-10's first training
 * images, both sides from the same initial weights, several seeds; then the k-NN and linear accuracy on the test images.
 * The order of the images and the views are each side's own: what is compared are means over the seeds, and differences
 * paired by seed.
 */

import { join } from "node:path";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { thisEnvironment } from "../../../src/options/environment.ts";
import type { EvalRow } from "../../../src/run/metrics.ts";
import { setThreads } from "../../../src/native/core.ts";
import { RANK_PERMISSIONS } from "../../../src/base/permissions.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { createLearner } from "../../../src/encoder/learner.ts";
import { markdownTable, type ParityRow } from "./rows.ts";

/** Both programs take these options by these names. */
const RECIPE: readonly string[] = [
  ...["--resnet_type=resnet20", "--hidden_dim=512", "--z_dim=128"],
  ...["--nb_epochs_warmup=0", "--batch_size=64", "--lr_init=1.0", "--eta=0.01"],
  ...["--momentum=0.9", "--weight_decay=1e-6", "--tau_base=0.99", "--nb_epochs_clsf=2"],
  ...["--batch_size_clsf=256", "--lr_init_clsf=0.2", "--threads=1"],
];

/** Points that the means may differ by at most, however noisy the seeds are. */
const MOST_POINTS = 1.5;

/** Options of the comparison. */
export interface LearningOptions {
  /** The folder of CIFAR-10's binary files. */
  dataDir: string;
  /** The folder to name in PYTHONPATH. */
  oracle: string;
  seeds: readonly number[];
  /** Training images, the first ones. */
  images: number;
  /** Epochs of batches of 64. */
  epochs: number;
  /** Folder of each run's result; a result that is there is not computed again. */
  keep: string;
}

/** One run's result, in percent. */
interface Result {
  side: "ours" | "pytorch";
  seed: number;
  knn_top1: number;
  top1: number;
}

/** Runs both programs with every seed, prints the table of all runs, and returns the two rows of the verdict. */
export async function learningRows(options: LearningOptions): Promise<ParityRow[]> {
  await Deno.mkdir(options.keep, { recursive: true });
  const results: Result[] = [];
  for (const seed of options.seeds) {
    for (const side of ["ours", "pytorch"] as const) {
      const file = join(options.keep, `${side}-${seed}.json`);
      const found = await readResult(file) ?? await runOf(side, seed, options);
      await Deno.writeTextFile(file, JSON.stringify(found));
      results.push(found);
    }
  }
  console.log(
    markdownTable([
      ["seed", "ours k-NN", "PyTorch k-NN", "ours linear", "PyTorch linear"],
      ...options.seeds.map((seed) => [
        String(seed),
        ...(["knn_top1", "top1"] as const).flatMap((field) =>
          results.filter((result) => result.seed === seed)
            .map((result) => result[field].toFixed(2))
        ),
      ]),
    ]),
  );
  return (["knn_top1", "top1"] as const).flatMap((field) => [
    verdict(results, field),
    pairedVerdict(results, { field, seeds: options.seeds }),
  ]);
}

/** Quantiles 0.975 of Student's t distribution, by degrees of freedom from 1 to 9. */
const T_975: readonly number[] = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262],
];

/** The mean difference of the seeds, ours less PyTorch's, against half the width of its 95 % t interval. */
function pairedVerdict(
  results: readonly Result[],
  { field, seeds }: { field: "knn_top1" | "top1"; seeds: readonly number[] },
): ParityRow {
  const of = (side: Result["side"], seed: number): number =>
    results.find((result) => result.side === side && result.seed === seed)![field];
  const { count, mean, variance } = moments(
    seeds.map((seed) => of("ours", seed) - of("pytorch", seed)),
  );
  const quantile = T_975[Math.min(count - 1, T_975.length) - 1] ?? Infinity;
  const half = quantile * Math.sqrt(variance / count);
  const what = field === "top1" ? "linear" : "k-NN";
  const name = `learning, paired by seed: ${what} accuracy, points (difference ${
    mean.toFixed(2)
  } ± ${half.toFixed(2)}, 95 % t interval)`;
  return { name, cases: count, worst: Math.abs(mean), allowed: half, ok: Math.abs(mean) <= half };
}

/** The difference of the means against two standard errors of it, and against the points allowed at most. */
function verdict(results: readonly Result[], field: "knn_top1" | "top1"): ParityRow {
  const [ours, theirs] = (["ours", "pytorch"] as const).map((side) =>
    moments(results.filter((result) => result.side === side).map((result) => result[field]))
  );
  if (ours === undefined || theirs === undefined) throw new Error("no results");
  const error = Math.sqrt(ours.variance / ours.count + theirs.variance / theirs.count);
  const worst = Math.abs(ours.mean - theirs.mean);
  const allowed = Math.min(2 * error, MOST_POINTS);
  const what = field === "top1" ? "linear" : "k-NN";
  const means = [ours, theirs].map(({ mean, variance }) =>
    `${mean.toFixed(2)} ± ${Math.sqrt(variance).toFixed(2)}`
  );
  const name = `learning: mean ${what} accuracy, points (ours ${means[0]}, PyTorch ${means[1]})`;
  return { name, cases: ours.count, worst, allowed, ok: worst <= allowed };
}

function moments(values: readonly number[]): { count: number; mean: number; variance: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

async function readResult(file: string): Promise<Result | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function runOf(
  side: Result["side"],
  seed: number,
  options: LearningOptions,
): Promise<Result> {
  const started = performance.now();
  const folder = await Deno.makeTempDir();
  try {
    const run = side === "ours" ? runOurs : runPeer;
    const { knn_top1, top1 } = await run(seed, folder, options);
    const minutes = (performance.now() - started) / 60_000;
    console.error(
      `${side}, seed ${seed}: k-NN ${knn_top1.toFixed(2)}, linear ${top1.toFixed(2)}, ` +
        `${minutes.toFixed(1)} min`,
    );
    return { side, seed, knn_top1, top1 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Options of the recipe, which both programs take. */
function recipeOf({ images, epochs }: LearningOptions): string[] {
  return [...RECIPE, `--limit_train=${images}`, `--nb_epochs=${epochs}`];
}

/** Our command line of a seed. */
function ourArguments(seed: number, options: LearningOptions): string[] {
  // Both sides read the same files, whichever they are.
  const data = ["--dataset_name=cifar10", `--data_dir=${options.dataDir}`];
  return [
    ...[...data, "--allow_unverified_data", "--offline"],
    ...[`--seed=${seed}`, ...recipeOf(options)],
  ];
}

type Accuracies = Pick<Result, "knn_top1" | "top1">;

async function runOurs(
  seed: number,
  folder: string,
  options: LearningOptions,
): Promise<Accuracies> {
  const text = await outputOf([
    ...[Deno.execPath(), "run", ...RANK_PERMISSIONS],
    ...["src/cli.ts", "train", ...ourArguments(seed, options)],
    // Given a number of steps, a run leaves out the evaluation of the untrained network.
    ...["--max_steps=1000000", "--eval_at_end", "--format=json", `--run_dir=${folder}/run`],
  ]);
  const { evaluations } = JSON.parse(text) as { evaluations: EvalRow[] };
  const last = evaluations.at(-1);
  if (last === undefined) throw new Error("the run has no evaluation");
  return last;
}

async function runPeer(
  seed: number,
  folder: string,
  options: LearningOptions,
): Promise<Accuracies> {
  const { config } = parseCommandLine("train", ourArguments(seed, options), thisEnvironment());
  const weights = join(folder, "initial.safetensors");
  setThreads(1);
  using learner = createLearner(config);
  learner.save(weights, { step: 0, epoch: 0, config: { ...config } });
  const words = ["python3", "bench/peers/byol_pytorch.py", ...recipeOf(options)];
  return JSON.parse(
    await outputOf(
      [...words, `--data_dir=${options.dataDir}`, `--seed=${seed}`, `--init_from=${weights}`],
      { PYTHONPATH: options.oracle, PYTHONDONTWRITEBYTECODE: "1" },
    ),
  );
}

async function outputOf(words: string[], env: Record<string, string> = {}): Promise<string> {
  const [program = "", ...args] = words;
  const { code, stdout } = await new Deno.Command(program, {
    args,
    env,
    cwd: projectRoot,
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}`);
  return new TextDecoder().decode(stdout);
}
