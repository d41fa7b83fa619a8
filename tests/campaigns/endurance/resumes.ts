/**
 * Exact resume: a run that is cut at many random steps, in the midst of epochs and at evaluations, and resumes each time
 * with another number of workers, against the run without a break.
 */

import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { checkpointPath } from "../../../src/run/checkpoint.ts";
import type { MetricsRow } from "../../../src/run/metrics.ts";
import { readMetrics } from "../../../src/run/metrics_file.ts";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { FEW_IMAGES, runProgram, TINY } from "../../support/program.ts";
import type { EnduranceRow } from "./row.ts";

/** 64 images in batches of 8. */
const STEPS_PER_EPOCH = 8;
const STEPS_PER_CUT = 5;

/** Cuts one run so often. */
export async function resumes(times: number): Promise<EnduranceRow[]> {
  const root = await Deno.makeTempDir();
  const epochs = Math.ceil(times * STEPS_PER_CUT / STEPS_PER_EPOCH);
  const steps = epochs * STEPS_PER_EPOCH;
  // One at the end of an epoch, where an evaluation is due.
  const cuts = new Set([STEPS_PER_EPOCH * Math.ceil(epochs / 2)]);
  while (cuts.size < times) cuts.add(1 + Math.floor(Math.random() * (steps - 1)));
  const start = async (folder: string, options: string[]): Promise<void> => {
    const { code, stderr } = await runProgram([
      "train",
      ...TINY,
      ...EVALUATED,
      `--nb_epochs=${epochs}`,
      "--log_every=3",
      `--run_dir=${folder}`,
      ...options,
    ], { script: FEW_IMAGES });
    if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
  };
  const [whole, cut] = [join(root, "whole"), join(root, "cut")];
  await start(whole, []);
  for (const [index, step] of [...cuts].sort((a, b) => a - b).entries()) {
    await start(cut, [`--max_steps=${step}`, `--nb_workers=${index % 3 + 1}`]);
    if (step % STEPS_PER_EPOCH === 0) dropEvaluation(join(cut, "metrics.jsonl"), step);
  }
  await start(cut, []);
  const failures = differences({ cut, whole }, steps);
  await Deno.remove(root, { recursive: true });
  return [{
    form: "cut at a random step, then resumed, other workers each time",
    times,
    found: `${steps} steps and ${epochs} evaluations ${
      failures.length === 0 ? "equal" : "compared with"
    } those of the unbroken run`,
    failures,
  }];
}

/** Options of a run that is evaluated after every epoch. */
export const EVALUATED: readonly string[] = [
  "--nb_epochs_warmup=1",
  "--clsf_every=1",
  "--nb_epochs_clsf=1",
  "--batch_size_clsf=16",
];

/** Leaves the file as a kill between the save and the evaluation's row would. */
function dropEvaluation(path: string, step: number): void {
  const kept = Deno.readTextFileSync(path).split("\n").filter((line) =>
    !line.startsWith(`{"kind":"eval","step":${step},`)
  );
  Deno.writeTextFileSync(path, kept.join("\n"));
}

/** Lists the differences between two runs, both named by their key, after so many steps. */
export function differences(folders: Record<string, string>, steps: number): string[] {
  const found = Object.entries(folders).map(([name, folder]) => {
    const checkpoints = join(folder, "checkpoints");
    const all = [...Deno.readDirSync(folder), ...Deno.readDirSync(checkpoints)];
    return {
      name,
      state: describeCheckpoint(checkpointPath(checkpoints, steps)).sha256,
      encoder: describeCheckpoint(join(folder, "encoder.safetensors")).sha256,
      rows: rowsOf(folder),
      left: all.map(({ name }) => name).filter((name) => name.endsWith(".part")),
    };
  });
  const failures = found.flatMap(({ name, left }) =>
    left.map((file) => `${file} was left in the ${name} run`)
  );
  const [one, other] = found;
  if (one?.state !== other?.state) failures.push("the states differ");
  if (one?.encoder !== other?.encoder) failures.push("the encoders differ");
  if (!isDeepStrictEqual(one?.rows, other?.rows)) failures.push("the metrics differ");
  if ((one?.rows.length ?? 0) < steps / 3) failures.push("metrics are missing");
  return failures;
}

/** Returns the rows of metrics without the clock, the `run` rows and the untrained encoder. */
function rowsOf(folder: string): MetricsRow[] {
  return readMetrics(join(folder, "metrics.jsonl"))
    // A run that --max_steps cuts in its first epoch is not evaluated before it.
    .filter((row) => row.kind === "train" || (row.kind === "eval" && row.step > 0))
    .map((row) => row.kind === "train" ? { ...row, images_per_second: 0, core_seconds: 0 } : row);
}
