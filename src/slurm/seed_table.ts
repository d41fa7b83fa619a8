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
import { readResult } from "../run/result.ts";
import type { EvalRow } from "../run/metrics.ts";
import { runFolderAt } from "../run/folder.ts";

const COLUMNS = ["knn_top1", "top1", "top5"] as const;

/** Returns the table in Markdown: a row for each seed, and a summary once all runs, at least `count`, are evaluated. */
export function seedTable(folder: string, count = 0): string {
  const rows = seedsIn(folder).map((seed) => {
    const last = readResult(runFolderAt(join(folder, `seed-${seed}`)))?.evaluations.at(-1);
    return { seed, last };
  });
  const found = rows.flatMap(({ last }) => last ?? []);
  const lines = [
    "| seed | k-NN top-1 | probe top-1 | probe top-5 |",
    "| ---- | ---------- | ----------- | ----------- |",
    ...rows.map(({ seed, last }) => line(String(seed), (name) => shown(last, name))),
  ];
  const wanted = Math.max(count, rows.length);
  if (found.length < wanted) {
    return [...lines, "", `${found.length} of ${wanted} runs are evaluated so far`].join("\n");
  }
  const summary = line("mean ± std", (name) => {
    const { mean, deviation } = meanAndDeviation(found.map((row) => row[name]));
    return `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
  });
  return [...lines, summary].join("\n");
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
