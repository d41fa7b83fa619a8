/** The runs of jobs: their options and their metrics. */

import { join } from "node:path";
import type { SlurmCluster } from "./cluster.ts";

/** Options of a network so small that a step takes some ten milliseconds. */
export const TINY: readonly string[] = [
  ...[
    "--hidden_dim=16",
    "--z_dim=8",
    "--batch_size=16",
    "--log_every=1",
    "--threads=1",
    "--nb_workers=1",
  ],
  "--clsf_every=0",
];

/** Returns the steps that a run logged, in the order of its file. */
export function stepsOf(run: string): number[] {
  try {
    return rowsOf(run).filter(({ kind }) => kind === "train").map(({ step }) => step);
  } catch {
    return [];
  }
}

/** Returns the rows of a run's metrics. */
export function rowsOf(run: string): { kind: string; step: number; epoch: number }[] {
  return Deno.readTextFileSync(join(run, "metrics.jsonl")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
}

/** Waits until a run has logged a step. @throws where no job is left that could */
export function reaches(cluster: SlurmCluster, run: string, step: number): Promise<void> {
  return cluster.until(`step ${step} of ${run}`, async () => {
    if ((stepsOf(run).at(-1) ?? -1) >= step) return true;
    const busy = await cluster.ask("squeue", ["--noheader"]);
    if (busy.trim() === "") {
      throw new Error(`no job is left that could reach step ${step} of ${run}`);
    }
    return false;
  });
}
