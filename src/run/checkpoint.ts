/** The checkpoints of a run: their names, their metadata, and the choice of the checkpoint that a run resumes from. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isSystemError } from "../base/expected.ts";
import { exists } from "../base/files.ts";
import { runFolderAt } from "./folder.ts";
import { renamedOptions, type StoredOptions } from "../options/stored.ts";
import type { AugmentSchedule } from "../recipes/view_schedule.ts";
import { type CheckpointDescription, describeCheckpoint } from "../native/checkpoint.ts";

/** Metadata of a checkpoint. */
export interface CheckpointMetadata {
  /** Further entries: fingerprints, versions, rates. */
  [key: string]: unknown;
  /** Steps done since the beginning of the run. */
  step: number;
  /** Whole epochs done since the beginning of the run. */
  epoch: number;
  /** The resolved options by their names on the command line. */
  config: Record<string, unknown>;
  /** Digests of the images; checkpoints of earlier versions have none. */
  data?: { digest: string; limit?: "first" | "share"; testDigest?: string; verified?: boolean };
  /** The views' recipes over time; checkpoints of earlier versions have none. */
  augmentation?: AugmentSchedule;
  /** Seconds that a run with `--time_budget` has spent so far, over all its invocations; absent without it. */
  spentSeconds?: number;
}

/** A checkpoint that a run can resume from. */
export interface Resumable {
  /** Path of the file. */
  path: string;
  /** Metadata of the file. */
  metadata: CheckpointMetadata;
}

const NAME = /^step-(\d{9})\.safetensors$/;

/** Returns the path of a step's checkpoint. */
export function checkpointPath(folder: string, step: number): string {
  return join(folder, `step-${String(step).padStart(9, "0")}.safetensors`);
}

/**
 * Returns the files in a folder that are named as checkpoints, newest step first, without reading them. A missing folder
 * holds none: a training that was stopped before its first step leaves no folder behind.
 */
export function listCheckpoints(folder: string): { path: string; step: number }[] {
  const found: { path: string; step: number }[] = [];
  if (!exists(folder)) return found;
  for (const { name } of Deno.readDirSync(folder)) {
    const step = NAME.exec(name)?.[1];
    if (step !== undefined) found.push({ path: join(folder, name), step: Number(step) });
  }
  return found.sort((a, b) => b.step - a.step);
}

/**
 * Reads checkpoints from the newest on, and returns the first undamaged one; warns of each damaged one.
 *
 * @returns undefined where there are no checkpoints at all
 * @throws UserError (checkpoint) where all checkpoints are damaged: a new run would overwrite them
 */
export function newestCheckpoint(
  folder: string,
  warn: (line: string) => void,
): Resumable | undefined {
  const all = listCheckpoints(folder);
  const found = firstWhole(all, warn);
  if (found !== undefined || all.length === 0) return found;
  throw new UserError(
    `Cannot resume the run: none of the ${all.length} checkpoints in ${folder} can be used, ` +
      "expected an undamaged one: choose another --run_dir, or remove the folder to begin a new run",
    ExitCode.checkpoint,
  );
}

/** Returns the newest undamaged checkpoint of at most `step` steps, undefined without one; warns of each damaged one. */
export function newestCheckpointUpTo(
  step: number,
  { folder, warn }: { folder: string; warn: (line: string) => void },
): Resumable | undefined {
  return firstWhole(listCheckpoints(folder).filter((one) => one.step <= step), warn);
}

/** Returns the first undamaged checkpoint of a list; warns of each damaged one. */
function firstWhole(
  list: readonly { path: string; step: number }[],
  warn: (line: string) => void,
): Resumable | undefined {
  for (const { path, step } of list) {
    try {
      const found = readResumable(path);
      if (found.metadata.step === step) return found;
      warn(
        `Cannot use the checkpoint ${path}: it holds step ${found.metadata.step}, expected ${step}; ` +
          "trying the one before",
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warn(`${error.message}; trying the one before`);
    }
  }
  return undefined;
}

/**
 * Returns the checkpoint that a run resumes from; undefined for a new run.
 *
 * @param resume `--resume`: "auto", "never" or a file
 * @param run.begunWith the `--resume` that the run in the folder was begun with; undefined where there is no run
 * @throws UserError the errors of newestCheckpoint and namedCheckpoint
 */
export function checkpointToGoOnFrom(
  resume: string,
  run: { folder: string; begunWith: string | undefined; warn: (line: string) => void },
): Resumable | undefined {
  if (resume === "never") return undefined;
  if (resume === "auto") return newestCheckpoint(run.folder, run.warn);
  // The same command again, as in a requeued job, resumes from the newest checkpoint of this run.
  const saved = resume === run.begunWith ? newestCheckpoint(run.folder, run.warn) : undefined;
  return saved ?? namedCheckpoint(resume, run.folder);
}

/**
 * Returns the checkpoint that the user names.
 *
 * @throws UserError (checkpoint) when it is missing or damaged; (run folder) when the run folder holds checkpoints of
 * later steps, which the next `--resume=auto` would take for the newest
 */
export function namedCheckpoint(path: string, folder: string): Resumable {
  const found = readResumable(path);
  const later = listCheckpoints(folder).filter(({ step }) => step > found.metadata.step);
  if (later.length > 0) {
    throw new UserError(
      `Cannot resume from step ${found.metadata.step} with --resume=${path}: ${folder} holds ` +
        `${later.length} later checkpoints, up to step ${
          later[0]?.step
        }, expected none: move them ` +
        "away, or choose another --run_dir",
      ExitCode.runFolder,
    );
  }
  return found;
}

/** Returns a training state. @throws UserError (checkpoint) when the file is missing, damaged, or no training state */
export function readResumable(path: string): Resumable {
  const description = describeOrThrow(path);
  requireTrainingState(path, description);
  const metadata = metadataOf(path, description);
  if (description.whole) return { path, metadata };
  throw new UserError(
    `Cannot resume from the checkpoint ${path}: it holds no SHA-256 of its tensors, expected a ` +
      "training state of this program",
    ExitCode.checkpoint,
  );
}

/** Refuses a file that holds an encoder alone. @throws UserError (checkpoint) that names --init_from */
function requireTrainingState(path: string, { encoder }: CheckpointDescription): void {
  if (encoder === null || encoder.prefix === "online.encoder.") return;
  throw new UserError(
    `Cannot resume from ${path}: the file holds an encoder (${encoder.words}), expected a training state, ` +
      `such as a file of a run's checkpoints/; a new run begins with the encoder by --init_from=${path}`,
    ExitCode.checkpoint,
  );
}

/**
 * Returns the weights file that a path names: the path of a file itself; of the folder of a run, its newest checkpoint,
 * or its encoder.safetensors where it holds no checkpoint.
 *
 * @throws UserError (checkpoint) for a folder without either
 */
export function weightsFileOf(path: string): string {
  if (!isFolder(path)) return path;
  const { checkpointsDir, encoderFile } = runFolderAt(path);
  const newest = listCheckpoints(checkpointsDir)[0]?.path;
  if (newest !== undefined) return newest;
  if (exists(encoderFile)) return encoderFile;
  throw new UserError(
    `Cannot use the weights in ${path}: it holds no checkpoint and no encoder.safetensors, expected a weights file or ` +
      "the folder of a run",
    ExitCode.checkpoint,
  );
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** Returns the description of a weights file. @throws UserError (checkpoint) when it is missing or damaged */
export function describeOrThrow(path: string): CheckpointDescription {
  try {
    return describeCheckpoint(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
}

/** Returns this program's metadata in a file, options by name. @throws UserError (checkpoint) when it has none */
export function metadataOf(path: string, { metadata }: CheckpointDescription): CheckpointMetadata {
  const stored = metadata?.config;
  if (typeof metadata?.step !== "number" || typeof stored !== "object" || stored === null) {
    throw new UserError(
      `Cannot use the checkpoint ${path}: it was not written by this program, expected step and config`,
      ExitCode.checkpoint,
    );
  }
  return {
    ...metadata as CheckpointMetadata,
    config: renamedOptions(stored as StoredOptions),
  };
}
