/** Source of a replay: the run's record, the state that it begins with, and the options of the step. */

import { basename, resolve } from "node:path";
import { ExitCode, usageError, UserError } from "../../base/exit_codes.ts";
import type { TrainRow } from "../../byol/train_row.ts";
import type { RunConfig } from "../../options/config.ts";
import { storedOptions } from "../../options/stored.ts";
import { newestCheckpointUpTo, readResumable, type Resumable } from "../../run/checkpoint.ts";
import { type RunFolder, runFolderAt } from "../../run/folder.ts";
import type { MetricsRow, RunRow } from "../../run/metrics.ts";
import { readMetrics } from "../../run/metrics_file.ts";
import { readRunRecord, requireOwnCheckpoint, type RunRecord } from "../../run/record.ts";
import type { RankInfo } from "../../runtime/rank.ts";

/** Values of the command's own options. */
export interface ReplayRequest {
  runDir: string;
  step: number;
  out: string | null;
  dataDir: string | null;
  threads: number | null;
  ranks: number | null;
  hardware: RunConfig["hardware"] | null;
  format: "text" | "json";
}

/** Source of a replay: a step of a run, with the state before it. */
export interface ReplaySource {
  folder: RunFolder;
  record: RunRecord;
  /** Options of the replay: the run's, at the step, on this machine. */
  config: RunConfig;
  /** The step to run again. */
  step: number;
  /** First step of the replay. */
  firstStep: number;
  /** State of the first step; undefined for weights drawn from the seed or read from --init_from. */
  from: Resumable | undefined;
  /** Logged steps of the run among those of the replay. */
  logged: TrainRow[];
  /** Invocations that computed these steps. */
  invocations: RunRow[];
  /** Folder of the output. */
  out: string;
}

/**
 * Reads a run, and chooses the newest undamaged checkpoint at or before the step.
 *
 * @throws UserError (run folder) where the folder holds no run, or checkpoints of another; (checkpoint) where the file
 * of --resume that the run began with is gone; (usage) for a step before it, and ranks that do not divide the batch
 */
export function readSource(
  request: ReplayRequest,
  { rankInfo, warn }: { rankInfo: Readonly<RankInfo>; warn: (line: string) => void },
): ReplaySource {
  const { runDir, step } = request;
  const folder = runFolderAt(runDir);
  const record = readRunRecord(folder);
  if (record === null) {
    throw new UserError(
      `Cannot replay a step of ${runDir}: it holds no config.json, expected the folder of a run`,
      ExitCode.runFolder,
    );
  }
  const rows = readMetrics(folder.metricsFile, { damaged: warn });
  const from = stateBefore(step, { folder, record, warn });
  const firstStep = from?.metadata.step ?? 0;
  const isIn = (one: number): boolean => one >= firstStep && one <= step;
  const out = request.out ?? `replays/${basename(resolve(runDir))}-step-${step}`;
  const invocations = invocationsOf(rows, { firstStep, step });
  return {
    ...{ folder, record, step, firstStep, from, invocations, out },
    config: configAt(record, { request, rankInfo, out, last: invocations.at(-1) }),
    logged: rows.filter((row) => row.kind === "train" && isIn(row.step)) as TrainRow[],
  };
}

/** Returns the newest state at or before a step; undefined for a run's own beginning. */
function stateBefore(
  step: number,
  { folder, record, warn }: {
    folder: RunFolder;
    record: RunRecord;
    warn: (line: string) => void;
  },
): Resumable | undefined {
  const found = newestCheckpointUpTo(step, { folder: folder.checkpointsDir, warn });
  if (found !== undefined) {
    requireOwnCheckpoint(found, record);
    return found;
  }
  const { resume } = record.config;
  if (resume === "auto" || resume === "never") return undefined;
  const begun = readResumable(resume);
  if (begun.metadata.step <= step) return begun;
  throw usageError(
    `Cannot replay step ${step} of ${folder.path}: the run began with ${resume} of step ` +
      `${begun.metadata.step}, expected that step or a later one`,
  );
}

/** Returns the invocations that computed the steps of the replay, in order. */
function invocationsOf(
  rows: readonly MetricsRow[],
  { firstStep, step }: { firstStep: number; step: number },
): RunRow[] {
  const all = rows.filter((row) => row.kind === "run");
  // An invocation ends where the next one begins; of an interrupted one, steps after a checkpoint are computed again.
  return all.filter((row, index) => {
    const next = all[index + 1]?.step ?? Infinity;
    return row.step <= step && next > firstStep;
  });
}

/** Returns the options that the run had at a step, on this machine. */
function configAt(
  { config: begun }: RunRecord,
  { request, rankInfo, out, last }: {
    request: ReplayRequest;
    rankInfo: Readonly<RankInfo>;
    out: string;
    last: RunRow | undefined;
  },
): RunConfig {
  const { changed, threads, ranks } = (last ?? {}) as {
    changed?: Record<string, unknown>;
    threads?: number;
    ranks?: number;
  };
  const then: RunConfig = {
    ...begun,
    ...typeof threads === "number" && { threads },
    ...typeof ranks === "number" && { ranks },
    ...changed !== undefined && storedOptions(changed),
  };
  const config: RunConfig = {
    ...then,
    dataDir: request.dataDir ?? then.dataDir,
    threads: request.threads ?? then.threads,
    ranks: rankInfo.launcher === "none" ? request.ranks ?? then.ranks : rankInfo.worldSize,
    hardware: request.hardware ?? then.hardware,
    traceDir: out,
    traceSteps: 1,
  };
  // A processor computes mixed precision only where it has the instructions.
  if (config.hardware !== then.hardware && config.hardware === "cpu") config.precision = "normal";
  requireShares(config);
  return config;
}

/** Refuses a number of ranks that does not divide a micro-batch. @throws UserError (usage) */
function requireShares({ batchSize, accumulateSteps, ranks }: RunConfig): void {
  if (batchSize % (ranks * accumulateSteps) === 0) return;
  throw usageError(
    `Cannot replay on --ranks=${ranks} a step of ${batchSize} images in ${accumulateSteps} micro-batches: expected ` +
      "a number of ranks that divides each of them",
  );
}
