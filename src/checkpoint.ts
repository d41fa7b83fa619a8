/** Which checkpoints a run keeps, and which one it goes on from. */

import { join } from "node:path";
import { ExitCode, UserError } from "./exit_codes.ts";
import { type CheckpointDescription, describeCheckpoint } from "./native/library.ts";
import type { Learner } from "./native/learner.ts";

/** What a checkpoint's metadata says. */
export interface CheckpointMetadata {
  [key: string]: unknown;
  /** Steps done. */
  step: number;
  /** Whole epochs done. */
  epoch: number;
  /** The resolved options. */
  config: Record<string, unknown>;
}

const NAME = /^step-(\d{9})\.safetensors$/;

/** Saves a training state and drops old ones: the two newest stay, and every `keepEveryEpochs` epochs' one. */
export function saveCheckpoint(
  folder: string,
  learner: Learner,
  { metadata, keepEverySteps }: { metadata: CheckpointMetadata; keepEverySteps: number },
): string {
  const path = join(folder, `step-${String(metadata.step).padStart(9, "0")}.safetensors`);
  try {
    learner.save(path, metadata);
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.save);
  }
  for (const { path: old, step } of listCheckpoints(folder).slice(2)) {
    if (keepEverySteps === 0 || step % keepEverySteps !== 0) Deno.removeSync(old);
  }
  return path;
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

/** The newest checkpoint that can be read; `warn` hears of those that cannot. */
export function newestCheckpoint(
  folder: string,
  warn: (line: string) => void,
): { path: string; metadata: CheckpointMetadata } | undefined {
  for (const { path } of listCheckpoints(folder)) {
    try {
      return { path, metadata: metadataOf(path, describeOrThrow(path)) };
    } catch (error) {
      warn(`${(error as Error).message}; trying the one before`);
    }
  }
  return undefined;
}

/** What a file holds. @throws UserError (checkpoint) when it is missing or damaged */
export function describeOrThrow(path: string): CheckpointDescription {
  try {
    return describeCheckpoint(path);
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.checkpoint);
  }
}

/** Our metadata of a file. @throws UserError (checkpoint) when it has none */
export function metadataOf(path: string, { metadata }: CheckpointDescription): CheckpointMetadata {
  if (
    metadata === null || typeof metadata.step !== "number" || typeof metadata.config !== "object"
  ) {
    throw new UserError(
      `Cannot use the checkpoint ${path}: it was not written by this program, expected step and config`,
      ExitCode.checkpoint,
    );
  }
  return metadata as CheckpointMetadata;
}
