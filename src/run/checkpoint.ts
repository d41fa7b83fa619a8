/** The checkpoints of a run: their names, their metadata, and the one that a run resumes from. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { renamedOptions, type StoredOptions } from "../options/stored.ts";
import { type CheckpointDescription, describeCheckpoint } from "../native/checkpoint.ts";

/** Metadata of a checkpoint. */
export interface CheckpointMetadata {
  /** Whatever else was saved with it. */
  [key: string]: unknown;
  /** Steps done. */
  step: number;
  /** Whole epochs done. */
  epoch: number;
  /** The resolved options under their names. */
  config: Record<string, unknown>;
}

/** A checkpoint that a run can resume from. */
export interface Resumable {
  /** Its file. */
  path: string;
  /** Metadata of the file. */
  metadata: CheckpointMetadata;
}

const NAME = /^step-(\d{9})\.safetensors$/;

/** The path of a step's checkpoint. */
export function checkpointPath(folder: string, step: number): string {
  return join(folder, `step-${String(step).padStart(9, "0")}.safetensors`);
}

/** A folder's checkpoints by name, newest first. */
export function listCheckpoints(folder: string): { path: string; step: number }[] {
  const found: { path: string; step: number }[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    const step = NAME.exec(name)?.[1];
    if (step !== undefined) found.push({ path: join(folder, name), step: Number(step) });
  }
  return found.sort((a, b) => b.step - a.step);
}

/**
 * The newest checkpoint that is whole, found by reading it; `warn` hears of those that are not.
 *
 * @returns undefined where there are no checkpoints at all
 * @throws UserError (checkpoint) where there are some and none is whole: starting anew would overwrite them
 */
export function newestCheckpoint(
  folder: string,
  warn: (line: string) => void,
): Resumable | undefined {
  const all = listCheckpoints(folder);
  for (const { path, step } of all) {
    try {
      const found = readResumable(path);
      if (found.metadata.step === step) return found;
      warn(
        `Cannot use the checkpoint ${path}: it holds step ${found.metadata.step}; trying the one before`,
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warn(`${error.message}; trying the one before`);
    }
  }
  if (all.length === 0) return undefined;
  throw new UserError(
    `Cannot resume the run: none of the ${all.length} checkpoints in ${folder} can be used, ` +
      "expected a whole one: choose another --run_dir, or remove the folder to start anew",
    ExitCode.checkpoint,
  );
}

/**
 * Returns the checkpoint that a run resumes from; undefined where it begins.
 *
 * @param resume `--resume`: "auto", "never" or a file
 * @param run.begunWith the `--resume` that the run in the folder was begun with; undefined where there is none
 * @throws UserError as newestCheckpoint and namedCheckpoint do
 */
export function checkpointToGoOnFrom(
  resume: string,
  run: { folder: string; begunWith: string | undefined; warn: (line: string) => void },
): Resumable | undefined {
  if (resume === "never") return undefined;
  if (resume === "auto") return newestCheckpoint(run.folder, run.warn);
  // The same command again: a requeued job resumes from what it has saved since.
  const saved = resume === run.begunWith ? newestCheckpoint(run.folder, run.warn) : undefined;
  return saved ?? namedCheckpoint(resume, run.folder);
}

/**
 * The checkpoint that the user names.
 *
 * @throws UserError (checkpoint) when it is missing or damaged; (run folder) when the run has continued from there
 * already: its later checkpoints would be mistaken for the newest
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

function readResumable(path: string): Resumable {
  const description = describeOrThrow(path);
  const metadata = metadataOf(path, description);
  if (description.whole) return { path, metadata };
  throw new UserError(
    `Cannot resume from the checkpoint ${path}: it does not hold its own SHA-256, expected a ` +
      "training state of this program",
    ExitCode.checkpoint,
  );
}

/** Describes a file's contents. @throws UserError (checkpoint) when it is missing or damaged */
export function describeOrThrow(path: string): CheckpointDescription {
  try {
    return describeCheckpoint(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
}

/** Returns our metadata of a file, options by name. @throws UserError (checkpoint) when it has none */
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
