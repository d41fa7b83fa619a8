/**
 * `seed_table.ts FOLDER [COUNT]`: prints the accuracies of the runs FOLDER/seed-*, with mean and standard deviation
 * after all of them, and at least COUNT, are finished.
 *
 * @module
 */

import { join } from "node:path";
import { ExitCode, runMain, UserError } from "../base/exit_codes.ts";
import { meanAndDeviation } from "../base/statistics.ts";
import { printLine } from "../base/output.ts";
import { differenceBetween, type EvaluatedRun, groupsOf, haveMean } from "../run/groups.ts";
import { readRunRecord } from "../run/record.ts";
import { readResult } from "../run/result.ts";
import type { EvalRow } from "../run/metrics.ts";
import { runFolderAt } from "../run/folder.ts";

const COLUMNS = ["knn_top1", "top1", "top5"] as const;

/** A run of one seed. */
interface SeedRun extends EvaluatedRun {
  /** The number in the folder's name. */
  seed: number;
  /** Message on a config.json that cannot be used. */
  problem?: string;
}

/**
 * Returns the table in Markdown: a row for each seed, and a summary once all runs, at least `count`, are evaluated.
 * Runs that differ in more than the seed have no summary; the difference is named.
 */
export function seedTable(folder: string, count = 0): string {
  const runs = seedsIn(folder).map((seed) => readSeed(folder, seed));
  const found = runs.flatMap(({ evaluations }) => evaluations.at(-1) ?? []);
  const lines = [
    "| seed | k-NN top-1 | probe top-1 | probe top-5 |",
    "| ---- | ---------- | ----------- | ----------- |",
    ...runs.map(({ seed, evaluations }) =>
      line(String(seed), (name) => shown(evaluations.at(-1), name))
    ),
  ];
  const wanted = Math.max(count, runs.length);
  if (found.length < wanted) {
    return [...lines, "", `${found.length} of ${wanted} runs are evaluated so far`].join("\n");
  }
  const reason = reasonWithoutMean(runs);
  if (reason !== undefined) return [...lines, "", `no mean: ${reason}`].join("\n");
  const summary = line("mean ± std", (name) => {
    const { mean, deviation } = meanAndDeviation(found.map((row) => row[name]));
    return `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
  });
  return [...lines, summary].join("\n");
}

function readSeed(root: string, seed: number): SeedRun {
  const folder = runFolderAt(join(root, `seed-${seed}`));
  const evaluations = readResult(folder)?.evaluations ?? [];
  try {
    return { seed, evaluations, record: readRunRecord(folder) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { seed, evaluations, record: null, problem: error.message };
  }
}

/** Returns the reason why runs have no mean; undefined where they differ in the seed alone. */
function reasonWithoutMean(runs: readonly SeedRun[]): string | undefined {
  const problem = runs.find((run) => run.problem !== undefined)?.problem;
  if (problem !== undefined) return problem;
  const [group = [], ...others] = groupsOf(runs);
  const [first] = group;
  const [other] = others[0] ?? [];
  if (first !== undefined && other !== undefined) {
    const difference = differenceBetween(first, other);
    return `seed-${first.seed} and seed-${other.seed} differ in more than the seed: ${difference}`;
  }
  if (haveMean(group)) return undefined;
  return group.length === 1 ? "there is one run" : "two runs have the same seed";
}

function seedsIn(folder: string): number[] {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => /^seed-(\d+)$/.exec(name)?.[1]);
    const seeds = names.filter((seed) => seed !== undefined).map(Number).sort((a, b) => a - b);
    if (seeds.length > 0) return seeds;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new UserError(
    `Cannot read the runs in ${folder}: expected folders seed-N`,
    ExitCode.usage,
  );
}

function line(head: string, cell: (name: typeof COLUMNS[number]) => string): string {
  return `| ${[head, ...COLUMNS.map(cell)].join(" | ")} |`;
}

function shown(row: EvalRow | undefined, name: typeof COLUMNS[number]): string {
  return row === undefined ? "not finished" : row[name].toFixed(2);
}

if (import.meta.main) {
  await runMain(([folder = "", count = "0"]) => {
    printLine(seedTable(folder, Number(count)));
    return ExitCode.ok;
  });
}
