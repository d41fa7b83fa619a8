/**
 * Short trainings of ResNet-20 on CIFAR-10's first images, each with its accuracies, for benches that compare recipes. A
 * result is kept in a folder (`--keep`), so that a bench which was stopped goes through the rest only.
 */

import { join } from "node:path";
import { RANK_PERMISSIONS } from "../src/base/permissions.ts";
import { meanAndDeviation } from "../src/base/statistics.ts";
import { projectRoot } from "../src/setup/record.ts";

const RECIPE: readonly string[] = [
  ...["--preset=cifar10_cpu", "--allow_unverified_data", "--offline", "--log_every=10"],
  ...["--clsf_every=0", "--save_every=0", "--tensorboard=false"],
];
const EVALUATION: readonly string[] = ["--clsf_augment=false", "--allow_unverified_data"];

/** Options that such a bench takes. */
export interface ShortRunSettings {
  /** Folder of CIFAR-10's binary files. */
  dataDir: string;
  seeds: number;
  images: number;
  epochs: number;
  /** Folder of the results; undefined: none is kept. */
  keep: string | undefined;
  /** Options that every training takes, such as --threads=1. */
  rest: readonly string[];
}

/** Result of one training. */
export interface Outcome {
  /** Accuracies in percent, of the last epoch, on test_batch.bin. */
  knn: number;
  probe: number;
  /** Steps of the training, and its seconds. */
  steps: number;
  seconds: number;
  /** Accuracy of the rotation auxiliary in the last row, in percent; undefined without the auxiliary. */
  rotation?: number;
}

/** A row of a logged step. */
interface Row {
  kind: string;
  step: number;
  images_per_second: number;
  rotation_top1?: number;
}

const OPTIONS = ["data_dir", "seeds", "images", "epochs", "keep"];

/** Reads the options of such a bench; the others go to the trainings. @throws Error without --data_dir */
export function shortRunSettings(args: readonly string[]): ShortRunSettings {
  const given = (name: string): string | undefined =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean);
  const dataDir = given("data_dir");
  if (dataDir === undefined) {
    throw new Error("Cannot train without images: expected --data_dir=DIR");
  }
  const rest = args.filter((arg) => !OPTIONS.some((name) => arg.startsWith(`--${name}=`)));
  const numberOf = (name: string, fallback: number): number => Number(given(name) ?? fallback);
  return {
    ...{ dataDir, keep: given("keep"), rest },
    seeds: numberOf("seeds", 3),
    images: numberOf("images", 10_000),
    epochs: numberOf("epochs", 10),
  };
}

/**
 * Trains and evaluates, or returns the result that an equal training has left.
 *
 * @param run.options options of this training alone
 */
export async function outcomeOf(
  settings: ShortRunSettings,
  { seed, epochs, options }: { seed: number; epochs: number; options: readonly string[] },
): Promise<Outcome> {
  const { dataDir, images, keep, rest } = settings;
  const warmUp = Math.max(1, Math.round(epochs / 10));
  const words = [
    ...[...RECIPE, `--limit_train=${images}`, `--seed=${seed}`],
    ...[`--nb_epochs=${epochs}`, `--nb_epochs_warmup=${warmUp}`, ...rest, ...options],
  ];
  const file = keep && join(keep, `${await digestOf(words)}.json`);
  if (file && await isThere(file)) return JSON.parse(await Deno.readTextFile(file)).outcome;
  const outcome = await trained(words, dataDir);
  if (file) {
    await Deno.mkdir(keep, { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify({ words, outcome }, null, 2));
  }
  return outcome;
}

async function trained(words: readonly string[], dataDir: string): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "byol-short-" });
  try {
    const runDir = join(folder, "run");
    await program(["train", ...words, `--data_dir=${dataDir}`, `--run_dir=${runDir}`]);
    const text = await program([
      ...["eval", `--checkpoint=${join(runDir, "encoder.safetensors")}`, ...EVALUATION],
      ...[`--data_dir=${dataDir}`, "--format=json"],
    ]);
    const { knn_top1: knn, top1: probe } = JSON.parse(text);
    const rows = await rowsOf(runDir);
    const { batch_size: batchSize } = await configOf(runDir);
    return { knn, probe, ...lengthOf(rows, batchSize), rotation: rows.at(-1)?.rotation_top1 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns the mean of paired differences, in points, with its standard error over the seeds. */
export function differenceText(differences: readonly number[]): string {
  const { mean, deviation } = meanAndDeviation(differences);
  const error = deviation / Math.sqrt(differences.length);
  const each = differences.map((value) => value.toFixed(2)).join(", ");
  const sign = mean < 0 ? "" : "+";
  return `${sign}${mean.toFixed(2)} points, standard error ${error.toFixed(2)} (${each})`;
}

/** Returns steps and seconds of a training by the speeds of its rows, which leave out evaluations and checkpoints. */
function lengthOf(rows: readonly Row[], batchSize: number): { steps: number; seconds: number } {
  let [steps, seconds] = [0, 0];
  for (const row of rows) {
    seconds += batchSize * (row.step + 1 - steps) / row.images_per_second;
    steps = row.step + 1;
  }
  return { steps, seconds };
}

async function rowsOf(runDir: string): Promise<Row[]> {
  const text = await Deno.readTextFile(join(runDir, "metrics.jsonl"));
  return text.trim().split("\n").map((line) => JSON.parse(line)).filter(({ kind }) =>
    kind === "train"
  );
}

async function configOf(runDir: string): Promise<{ batch_size: number }> {
  return JSON.parse(await Deno.readTextFile(join(runDir, "config.json"))).config;
}

async function digestOf(words: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(words.join("\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex().slice(0, 16);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs the program as a user does. @returns its stdout @throws Error with its notes where it fails */
async function program(args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...RANK_PERMISSIONS, "src/cli.ts", ...args],
    cwd: projectRoot,
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}
