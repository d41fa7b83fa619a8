/**
 * The arithmetic of bench/gpu_session.sh: epochs that fit into the time, the evaluation that fits into what is left, and
 * two runs' losses beside each other.
 *
 *   deno run --allow-read bench/gpu_plan.ts losses RUN OTHER_RUN
 *   deno run --allow-read bench/gpu_plan.ts plan MEASURED_RUN --wall=SECONDS --seconds=SECONDS
 *   deno run --allow-read bench/gpu_plan.ts evaluation PLAN_FILE --left=SECONDS
 */

import { runFolderAt } from "../src/run/folder.ts";
import { readRunRecord } from "../src/run/record.ts";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { evaluationSeconds, evaluationWork } from "../src/byol/cost.ts";
import type { MetricsRow } from "../src/run/metrics.ts";

/** Seconds and bytes that a short run of the same options took. */
export interface Measured {
  /** Of the training, median of the logged rows but the first. */
  imagesPerSecond: number;
  /** Seconds of startup and end: reading, first steps, checkpoint. */
  startup: number;
  /** Images of an epoch. */
  images: number;
  /** Epochs of the linear probe. */
  probeEpochs: number;
}

/** A run that ends in time. */
export interface Plan extends Measured {
  /** Of the whole run, its warm-up included. */
  epochs: number;
  warmupEpochs: number;
  /** Seconds kept for the evaluation. */
  reserve: number;
}

/** Of the measured rate, what a long run is counted on. */
const KEPT_RATE = 0.95;
/** The recipe's warm-up, at most, and its largest share of the epochs. */
const WARM_UP = { epochs: 10, share: 1 / 8 } as const;
/** The augmented probe may take so much of the time. */
const PROBE_SHARE = 0.2;
/** A forward pass of an evaluation is counted on at so much of the efficiency of one in a step. */
const EVALUATION_EFFICIENCY = 0.5;

/** Seconds of an evaluation: nearest neighbours, then a probe on cached features or on views drawn anew each epoch. */
export function evaluationTime(measured: Measured, kind: "cached" | "augmented"): number {
  const { imagesPerSecond, startup, images, probeEpochs } = measured;
  // A test set is at most as large.
  const work = evaluationWork({ train: images, test: images }, {
    probeEpochs,
    probeAugment: kind === "augmented",
    probeSweep: false,
  });
  return startup + evaluationSeconds(work, { imagesPerSecond, efficiency: EVALUATION_EFFICIENCY });
}

/**
 * Epochs of which warm-up and cosine end in time, with the evaluations that fit: one on cached features always, the augmented one
 * where it takes at most a fifth of the time.
 *
 * @returns undefined where not one epoch fits
 */
export function planned(measured: Measured, seconds: number): Plan | undefined {
  const augmented = evaluationTime(measured, "augmented");
  const reserve = evaluationTime(measured, "cached") +
    (augmented <= PROBE_SHARE * seconds ? augmented : 0);
  const training = seconds - reserve - measured.startup;
  const epochs = Math.floor(KEPT_RATE * training * measured.imagesPerSecond / measured.images);
  if (epochs < 1) return undefined;
  const warmupEpochs = Math.min(WARM_UP.epochs, Math.floor(WARM_UP.share * epochs));
  return { ...measured, epochs, warmupEpochs, reserve };
}

/** Reads what a run of a few steps measured, which took so many seconds from start to end. */
export function measuredBy(folder: string, wall: number): Measured {
  const config = readRunRecord(runFolderAt(folder))!.config;
  const rows = readRows(folder);
  const run = rows.find((row) => row.kind === "run");
  const logged = rows.filter((row) => row.kind === "train");
  const rates = logged.slice(1).map((row) => row.images_per_second).sort((a, b) => a - b);
  const imagesPerSecond = rates[Math.floor(rates.length / 2)];
  const steps = (logged.at(-1)?.step ?? -1) + 1;
  const total = Number(run?.total_steps);
  if (!(total > 0) || imagesPerSecond === undefined) {
    throw new Error(
      `Cannot plan by ${folder}: it has logged ${logged.length} steps, expected 2 or more`,
    );
  }
  return {
    imagesPerSecond,
    startup: Math.max(0, wall - steps * config.batchSize / imagesPerSecond),
    images: total / config.epochs * config.batchSize,
    probeEpochs: config.probeEpochs,
  };
}

/** Losses of the same steps of two runs, a line each, and the largest difference as a share. */
export function lossesBeside(one: string, other: string): { lines: string[]; worst: number } {
  const [left, right] = [one, other].map((folder) =>
    readRows(folder).filter((row) => row.kind === "train")
  );
  const pairs = left!.map((row, index) => [row.loss, right![index]?.loss ?? NaN] as const);
  const shares = pairs.map(([a, b]) => Math.abs(a - b) / Math.abs(a));
  return {
    lines: pairs.map(([a, b], index) =>
      `step ${index}: ${a} and ${b}, ${(100 * shares[index]!).toFixed(4)} %`
    ),
    // A NaN is larger than everything.
    worst: shares.some(Number.isNaN) ? Infinity : Math.max(...shares),
  };
}

function readRows(folder: string): MetricsRow[] {
  const text = Deno.readTextFileSync(join(folder, "metrics.jsonl"));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

function main(args: string[]): number {
  const text = { type: "string" } as const;
  const { values, positionals: [command, first = "", second = ""] } = parseArgs({
    args,
    options: { wall: text, seconds: text, left: text },
    allowPositionals: true,
  });
  switch (command) {
    case "losses": {
      const { lines, worst } = lossesBeside(first, second);
      for (const line of lines) console.log(line);
      return worst <= 0.01 ? 0 : 1;
    }
    case "plan": {
      const measured = measuredBy(first, Number(values.wall));
      const plan = planned(measured, Number(values.seconds));
      if (plan === undefined) {
        console.error(
          `Cannot train in ${values.seconds} s: an epoch takes ${
            (measured.images / measured.imagesPerSecond).toFixed(1)
          } s, startup ${measured.startup.toFixed(1)} s`,
        );
        return 1;
      }
      console.log(JSON.stringify(plan));
      return 0;
    }
    case "evaluation": {
      const plan: Plan = JSON.parse(Deno.readTextFileSync(first));
      const kinds = ["cached", "augmented"] as const;
      const needed = kinds.map((kind) => evaluationTime(plan, kind));
      console.log(needed[1]! <= Number(values.left) ? "augmented" : "none");
      console.error(
        `an evaluation on cached features takes about ${
          needed[0]!.toFixed(0)
        } s, an augmented one ${needed[1]!.toFixed(0)} s`,
      );
      return 0;
    }
    default:
      console.error(`Cannot run ${command}: expected losses, plan or evaluation`);
      return 2;
  }
}

if (import.meta.main) Deno.exitCode = main(Deno.args);
