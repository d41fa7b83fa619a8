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
import { type EvalRow, setsOf } from "../run/metrics.ts";
import { runFolderAt } from "../run/folder.ts";

const ACCURACIES = [["knn_top1", "k-NN top-1"], ["top1", "probe top-1"], [
  "top5",
  "probe top-5",
]] as const;

/** A column of the table. */
interface Column {
  head: string;
  /** The accuracy of an evaluation; undefined where it was not made on these images. */
  of(row: EvalRow): number | undefined;
}

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
  const columns = columnsOf(found);
  const line = (first: string, cell: (column: Column) => string): string =>
    `| ${[first, ...columns.map(cell)].join(" | ")} |`;
  const lines = [
    line("seed", ({ head }) => head),
    line("----", ({ head }) => "-".repeat(head.length)),
    ...runs.map(({ seed, evaluations }) =>
      line(String(seed), (column) => shown(evaluations.at(-1), column))
    ),
  ];
  const wanted = Math.max(count, runs.length);
  if (found.length < wanted) {
    return [...lines, "", `${found.length} of ${wanted} runs are evaluated so far`].join("\n");
  }
  const reason = reasonWithoutMean(runs);
  if (reason !== undefined) return [...lines, "", `no mean: ${reason}`].join("\n");
  const summary = line("mean ± std", (column) => {
    const { mean, deviation } = meanAndDeviation(found.map((row) => column.of(row)!));
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

/** Returns the columns of some evaluations: of each set of images that any of them tests on. */
function columnsOf(found: readonly EvalRow[]): Column[] {
  const names = new Set(found.flatMap((row) => setsOf(row).map(({ name }) => name)));
  const isPlain = !names.has("held-out");
  return [...isPlain ? ["test" as const] : names].flatMap((set) =>
    ACCURACIES.map(([name, head]) => ({
      head: isPlain ? head : `${set} ${head}`,
      of: (row) => setsOf(row).find((one) => one.name === set)?.accuracies[name],
    }))
  );
}

function shown(row: EvalRow | undefined, column: Column): string {
  return row === undefined ? "not finished" : column.of(row)?.toFixed(2) ?? "–";
}

if (import.meta.main) {
  await runMain(([folder = "", count = "0"]) => {
    printLine(seedTable(folder, Number(count)));
    return ExitCode.ok;
  });
}
