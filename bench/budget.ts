/**
 * Runs of the demo with a budget (`--time_budget`), three seeds of each: the steps and the time that they took, and what
 * more time is worth. `--minutes=3,6` and `--seeds=0` choose some of them; other options go to the runs.
 */

import { RANK_PERMISSIONS } from "../src/base/permissions.ts";
import { meanAndDeviation } from "../src/base/statistics.ts";
import { learningRateAt } from "../src/recipes/schedules.ts";
import { runFolderAt } from "../src/run/folder.ts";
import { readMetrics } from "../src/run/metrics_file.ts";
import { readRunRecord } from "../src/run/record.ts";
import { readResult } from "../src/run/result.ts";
import { projectRoot } from "../src/setup/record.ts";

/** Least share of a budget that a run must take. */
const LEAST_SHARE = 0.9;

/** A finished run. */
interface Found {
  minutes: number;
  seed: number;
  epochs: number;
  step: number;
  /** Time of the whole command, in seconds. */
  seconds: number;
  /** Time that the run expected when it chose its epochs. */
  expected: number;
  /** True where the last step was reached, with the learning rate at its end. */
  isWhole: boolean;
  knn: number;
  probe: number;
}

/** Prints the tables; the exit code is 1 where a run was late, or took too much or too little of its budget. */
export async function bench(args: string[]): Promise<void> {
  const minutes = numbersIn(args, "minutes") ?? [3, 6, 12];
  const seeds = numbersIn(args, "seeds") ?? [0, 1, 2];
  const rest = args.filter((arg) => !/^--(minutes|seeds)=/.test(arg));
  const found: Found[] = [];
  console.log("| minutes | seed | epochs | steps | time | share | expected | end | k-NN | probe |");
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |");
  for (const budget of minutes) {
    for (const seed of seeds) {
      const one = await run({ minutes: budget, seed }, rest);
      found.push(one);
      console.log(`| ${row(one).join(" | ")} |`);
    }
  }
  for (const budget of minutes) {
    const ones = found.filter((one) => one.minutes === budget);
    console.log(
      `${budget} minutes: k-NN ${spread(ones, "knn")}, probe ${
        spread(ones, "probe")
      } (${ones.length})`,
    );
  }
  if (!found.every((one) => one.isWhole && isWithin(one))) Deno.exitCode = 1;
}

async function run(
  { minutes, seed }: { minutes: number; seed: number },
  args: readonly string[],
): Promise<Found> {
  const path = await Deno.makeTempDir({ prefix: "byol-budget-" });
  const begun = performance.now();
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RANK_PERMISSIONS, "src/cli.ts", "train", `--time_budget=${minutes}m`],
      ...[`--seed=${seed}`, `--run_dir=${path}`, ...args],
    ],
    cwd: projectRoot,
    stdout: "null",
    stderr: "inherit",
  }).output();
  const seconds = (performance.now() - begun) / 1000;
  if (code !== 0) {
    throw new Error(`the run of ${minutes} minutes, seed ${seed}, ended with ${code}`);
  }
  const folder = runFolderAt(path);
  const { config, budget } = readRunRecord(folder)!;
  const { step, totalSteps, evaluations } = readResult(folder)!;
  const rows = readMetrics(folder.metricsFile).filter((row) => row.kind === "train");
  const last = rows.at(-1)!;
  const stepsPerEpoch = totalSteps / config.epochs;
  const end = learningRateAt(totalSteps - 1, {
    baseLearningRate: config.learningRate,
    warmupSteps: config.warmupEpochs * stepsPerEpoch,
    totalSteps,
  });
  const evaluated = evaluations.at(-1)!;
  await Deno.remove(path, { recursive: true });
  return {
    ...{ minutes, seed, epochs: config.epochs, step, seconds },
    expected: budget!.expectedSeconds,
    isWhole: step === totalSteps && last.step === totalSteps - 1 && last.learning_rate === end,
    ...{ knn: evaluated.knn_top1, probe: evaluated.top1 },
  };
}

function isWithin({ minutes, seconds }: Found): boolean {
  return seconds >= LEAST_SHARE * 60 * minutes && seconds <= 60 * minutes;
}

function row(one: Found): string[] {
  const { minutes, seed, epochs, step, seconds, expected, isWhole, knn, probe } = one;
  return [
    ...[minutes, seed, epochs, step].map(String),
    `${seconds.toFixed(1)} s`,
    `${(seconds / 60 / minutes * 100).toFixed(1)} %`,
    `${expected.toFixed(1)} s`,
    isWhole ? "reached" : "late",
    ...[knn, probe].map((value) => value.toFixed(1)),
  ];
}

function spread(ones: readonly Found[], field: "knn" | "probe"): string {
  const { mean, deviation } = meanAndDeviation(ones.map((one) => one[field]));
  return ones.length < 2 ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
}

function numbersIn(args: readonly string[], name: string): number[] | undefined {
  const text = args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1];
  return text?.split(",").map(Number);
}
