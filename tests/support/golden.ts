/** Run folders that an earlier version made and interrupted (tests/fixtures/golden), and how they are taken up again. */

import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { projectRoot } from "../../src/setup/record.ts";
import { checkpointOf } from "./ranks_run.ts";

/** The folder of the golden runs. */
export const GOLDEN: string = join(projectRoot, "tests", "fixtures", "golden");

/** The runs by folder, with the options that only one of them has. */
export const GOLDEN_RUNS: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  micro_batches: ["--accumulate_steps=2", "--bn_views=separate"],
};

/** Steps of the whole runs, and of their interrupted part: the middle of the second epoch. */
export const GOLDEN_STEPS = { whole: 8, interrupted: 6 } as const;

/** End of a run, as the program that made it recorded it. */
export interface GoldenEnd {
  /** `info`'s SHA-256 of the interrupted run's tensors. */
  interrupted: string;
  /** `info`'s SHA-256 of the whole run's tensors. */
  whole: string;
  /** All rows of the whole run, without times. */
  rows: Record<string, unknown>[];
  /** Output of `eval` for the interrupted run's checkpoint. */
  evaluation: Record<string, unknown>;
}

/** The content of expected.json. */
export interface GoldenEnds {
  /** processorHere() where the runs were made. */
  processor: string;
  runs: Record<string, GoldenEnd>;
}

/** Options of an evaluation that takes a second. */
export const GOLDEN_EVALUATION: readonly string[] = ["--clsf_augment=false", "--nb_epochs_clsf=2"];

/** Returns the command line of a golden run: the one that began it, and the one that resumes it. */
export function goldenArgs(name: string, ...more: readonly string[]): string[] {
  return [
    "train",
    "--resnet_type=resnet20",
    "--hidden_dim=16",
    "--z_dim=8",
    "--batch_size=8",
    "--limit_train=32",
    "--nb_epochs=2",
    "--clsf_every=1",
    ...GOLDEN_EVALUATION,
    "--init_from=stem.safetensors",
    "--log_every=1",
    "--threads=1",
    "--nb_workers=1",
    "--tensorboard=false",
    ...GOLDEN_RUNS[name]!,
    ...more,
  ];
}

/** Copies a golden run to a folder that is not there yet; its checkpoint is uncompressed. */
export function copyGolden(name: string, runDir: string): void {
  Deno.mkdirSync(join(runDir, "checkpoints"), { recursive: true });
  for (const { name: file } of Deno.readDirSync(join(GOLDEN, name))) {
    const bytes = Deno.readFileSync(join(GOLDEN, name, file));
    if (!file.endsWith(".gz")) Deno.writeFileSync(join(runDir, file), bytes);
    else Deno.writeFileSync(checkpointOf(runDir, GOLDEN_STEPS.interrupted), gunzipSync(bytes));
  }
}

/** Returns the processor that computes here, more exactly than by its name: on another one the bits are others. */
export function processorHere(): string {
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  const valueOf = (field: string): string =>
    new RegExp(`^${field}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
  const vectors = valueOf("flags").split(" ").filter((flag) => /^(avx|amx|fma)/.test(flag));
  const [model, family, number] = ["model name", "cpu family", "model"].map(valueOf);
  return `${model}, family ${family}, model ${number}, ${vectors.sort().join(" ")}`;
}
