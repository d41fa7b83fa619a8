/** Reading of a run's folder without the Rust core: record, rows, result, and the faults of these files. */

import { basename, join, resolve } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isExpected } from "../base/expected.ts";
import { readResult, type RunResult } from "../run/result.ts";
import type { EvalRow, MetricsRow } from "../run/metrics.ts";
import { readMetrics } from "../run/metrics_file.ts";
import type { TrainRow } from "../byol/train_row.ts";
import { type RunFolder, runFolderAt } from "../run/folder.ts";
import { readRunRecord, type RunRecord } from "../run/record.ts";

/** Contents of a run's files. */
export interface RunData {
  /** Name of the folder. */
  name: string;
  folder: RunFolder;
  /** config.json; null where it is missing or cannot be read. */
  record: RunRecord | null;
  rows: MetricsRow[];
  train: TrainRow[];
  evaluations: EvalRow[];
  result: RunResult | undefined;
  /** A message for each missing or damaged file. */
  problems: string[];
}

/**
 * Reads a run's files.
 *
 * @throws UserError (run folder) where the folder or its metrics.jsonl is missing
 */
export function readRun(path: string): RunData {
  const folder = runFolderAt(path);
  const problems: string[] = [];
  requireMetrics(folder);
  if (hasTornEnd(folder.metricsFile)) {
    problems.push(`The last line of ${folder.metricsFile} is incomplete and is left out`);
  }
  const rows = readMetrics(folder.metricsFile, { damaged: (problem) => problems.push(problem) });
  let record: RunRecord | null = null;
  try {
    record = readRunRecord(folder);
    if (record === null) problems.push(`${folder.configFile} is missing: the options are unknown`);
  } catch (error) {
    if (!isExpected(error)) throw error;
    problems.push(error.message);
  }
  return {
    name: basename(resolve(path)),
    folder,
    record,
    rows,
    train: rows.filter((row): row is TrainRow => row.kind === "train").map(withNumbers),
    evaluations: rows.filter((row): row is EvalRow => row.kind === "eval"),
    result: readResult(folder),
    problems,
  };
}

function requireMetrics({ path, metricsFile }: RunFolder): void {
  try {
    const { isFile } = Deno.statSync(metricsFile);
    if (!isFile) throw new Deno.errors.NotSupported(`${metricsFile}: expected a file`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw asUserError(error, ExitCode.runFolder, { task: `read ${metricsFile}` });
    }
    throw new UserError(
      `Cannot read the run in ${path}: there is no metrics.jsonl, expected the folder of a run ` +
        "(--run_dir of deno task train)",
      ExitCode.runFolder,
    );
  }
}

function hasTornEnd(path: string): boolean {
  using file = Deno.openSync(path);
  const { size } = file.statSync();
  if (size === 0) return false;
  file.seekSync(size - 1, Deno.SeekMode.Start);
  const last = new Uint8Array(1);
  file.readSync(last);
  return last[0] !== 0x0a;
}

/** Converts the strings of metrics.jsonl that stand for NaN and infinity back to numbers. */
export function withNumbers(row: TrainRow): TrainRow {
  const entries = Object.entries(row).map(([name, value]) =>
    name === "kind" || typeof value === "number" ? [name, value] : [name, Number(value)]
  );
  return Object.fromEntries(entries);
}

/** Writes a file as a whole or not at all. @throws UserError (save) when it cannot be written */
export function writeResult(path: string, content: string): void {
  try {
    replaceFile(path, content);
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `write ${path}` });
  }
}

/** Returns the path of a file in a run's folder. */
export function fileOf(run: RunData, ...parts: string[]): string {
  return join(run.folder.path, ...parts);
}

/** Returns the accuracy of guessing, in percent; undefined where the number of classes is unknown. */
export function chanceOf({ record, evaluations }: RunData): number | undefined {
  const known = { cifar10: 10, cifar100: 100, demo: 10, imagenet: 1000, folder: undefined };
  const count = evaluations.at(-1)?.classes ??
    (record === null ? undefined : known[record.config.datasetName]);
  return count === undefined ? undefined : 100 / count;
}
