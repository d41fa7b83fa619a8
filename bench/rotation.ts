/**
 * Sign test of the rotation auxiliary: its effect on the accuracy of ResNet-20 on real CIFAR-10 images, at equal steps and
 * at equal time. Every seed trains three times: without the auxiliary, with it for as many steps, and without it for the
 * time that the second run took. A difference is that of two runs of one seed; means over the seeds are printed with
 * their standard errors, whatever comes out.
 *
 *   deno task bench rotation --data_dir=DIR [--seeds=3] [--images=10000] [--epochs=10] [--weight=1.6]
 *
 * DIR holds CIFAR-10's binary files. Accuracies are on its test_batch.bin, whatever images that file holds. Effects below
 * two points mean nothing with so few images.
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

/** Options of the bench. */
interface Settings {
  dataDir: string;
  seeds: number;
  images: number;
  epochs: number;
  weight: number;
}

/** Result of one training. */
interface Outcome {
  /** Accuracies in percent. */
  knn: number;
  probe: number;
  /** Steps of the training, and its seconds. */
  steps: number;
  seconds: number;
  /** Accuracy of the auxiliary in the last row, in percent; undefined without the auxiliary. */
  rotation: number | undefined;
}

/** A row of a logged step. */
interface Row {
  kind: string;
  step: number;
  images_per_second: number;
  rotation_top1?: number;
}

/** Prints a row for each training, and the two differences. */
export async function bench(args: string[]): Promise<void> {
  const settings = settingsOf(args);
  const { seeds, epochs, images, weight } = settings;
  console.log(`${images} images, ${epochs} epochs, ${seeds} seeds, --rotation_weight=${weight}`);
  console.log("| seed | training | steps | seconds | k-NN | probe | rotations |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const found: Record<"plain" | "steps" | "time", Outcome>[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const plain = await outcomeOf(settings, { seed, epochs, weight: 0 });
    show(seed, "without", plain);
    const rotated = await outcomeOf(settings, { seed, epochs, weight });
    show(seed, "with, as many steps", rotated);
    const longer = Math.max(1, Math.round(epochs * rotated.seconds / plain.seconds));
    const timed = await outcomeOf(settings, { seed, epochs: longer, weight: 0 });
    show(seed, `without, ${longer} epochs`, timed);
    found.push({ plain, steps: rotated, time: timed });
  }
  for (const [name, base] of [["steps", "plain"], ["time", "time"]] as const) {
    for (const field of ["knn", "probe"] as const) {
      const differences = found.map((one) => one.steps[field] - one[base][field]);
      console.log(`at equal ${name}, ${field}: ${differenceText(differences)}`);
    }
  }
}

/** Returns the mean of paired differences with its standard error over the seeds. */
function differenceText(differences: readonly number[]): string {
  const { mean, deviation } = meanAndDeviation(differences);
  const error = deviation / Math.sqrt(differences.length);
  const each = differences.map((value) => value.toFixed(2)).join(", ");
  const sign = mean < 0 ? "" : "+";
  return `${sign}${mean.toFixed(2)} points, standard error ${error.toFixed(2)} (${each})`;
}

function show(seed: number, training: string, outcome: Outcome): void {
  const { knn, probe, steps, seconds, rotation } = outcome;
  const cells = [knn, probe, rotation].map((value) => value === undefined ? "" : value.toFixed(2));
  console.log(
    `| ${[seed, training, steps, seconds.toFixed(0), ...cells].join(" | ")} |`,
  );
}

function settingsOf(args: readonly string[]): Settings {
  const given = (name: string, fallback: string): string =>
    args.map((arg) => arg.match(`^--${name}=(.+)$`)?.[1]).find(Boolean) ?? fallback;
  const dataDir = given("data_dir", "");
  if (dataDir === "") throw new Error("Cannot test without images: expected --data_dir=DIR");
  const [seeds = 3, images = 10_000, epochs = 10, weight = 1.6] = [
    ["seeds", "3"],
    ["images", "10000"],
    ["epochs", "10"],
    ["weight", "1.6"],
  ].map(([name, fallback]) => Number(given(name!, fallback!)));
  return { dataDir, seeds, images, epochs, weight };
}

async function outcomeOf(
  { dataDir, images }: Settings,
  { seed, epochs, weight }: { seed: number; epochs: number; weight: number },
): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "byol-rotation-" });
  try {
    const runDir = join(folder, "run");
    const warmUp = Math.max(1, Math.round(epochs / 10));
    await program([
      ...["train", ...RECIPE, `--data_dir=${dataDir}`, `--limit_train=${images}`],
      ...[`--seed=${seed}`, `--nb_epochs=${epochs}`, `--nb_epochs_warmup=${warmUp}`],
      ...[`--rotation_weight=${weight}`, `--run_dir=${runDir}`],
    ]);
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

/** Runs the program as a user does; its notes go to stderr. @returns its stdout */
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
