/**
 * Weights files of this program and of others: their options, their encoder, and the notes on left-out tensors.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { describeOrThrow, metadataOf } from "../run/checkpoint.ts";
import type { InitialWeights } from "../run/record.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { StoredOptions } from "../options/stored.ts";
import type { DatasetDescription } from "../native/dataset.ts";
import type { RunConfig } from "../options/config.ts";
import { requireNoLeak } from "./trained_hold_out.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";

/**
 * Returns the options that a weights file decides: all options of the run for a file of this program, the network alone
 * for a file of another program.
 *
 * @param found description of the file, which is read where it is not given
 * @throws UserError (checkpoint) when the file is missing, damaged, or holds no encoder
 */
export function configurationOf(
  path: string,
  found: CheckpointDescription = describeOrThrow(path),
): StoredOptions {
  if (found.metadata !== null) return metadataOf(path, found).config;
  const resnetType = found.encoder?.resnetType ?? undefined;
  // A file without an encoder is refused by its tensors' names when it is loaded.
  return resnetType === undefined ? {} : { resnet_type: resnetType };
}

/** Returns a note on the tensors used and left out of another program's file; undefined for a file of this program. */
export function encoderNote(
  path: string,
  { metadata, encoder }: Pick<CheckpointDescription, "metadata" | "encoder">,
): string | undefined {
  if (metadata !== null || encoder === null) return undefined;
  const leftOut = encoder.leftOut.length === 0 ? "" : `; left out: ${encoder.leftOut.join(", ")}`;
  return `The encoder comes from ${encoder.prefix}* in ${path}: ${encoder.words}${leftOut}`;
}

/** Loads a learner's encoder from a file. @throws UserError (checkpoint) that names missing or misshapen tensors */
export function loadEncoder(learner: Learner, path: string): void {
  try {
    learner.loadEncoder(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
}

/**
 * Initialises the online and the target encoder of a new learner from a file (`--init_from`).
 *
 * @returns the record for config.json
 * @throws UserError (checkpoint) that names missing, unexpected or misshapen tensors, and the network that would fit;
 * for a file that was trained on the same images with another --hold_out
 */
export function initialise(
  learner: Learner,
  path: string,
  { config, train, warn }: {
    config: RunConfig;
    train: DatasetDescription;
    warn: (line: string) => void;
  },
): InitialWeights {
  const found = describeOrThrow(path);
  requireNoLeak(config, { path, train, metadata: found.metadata, use: "begin with" });
  try {
    learner.initEncoder(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
  const note = encoderNote(path, found);
  if (note !== undefined) warn(note);
  return { path, sha256: fileDigest(path), taken: found.encoder?.words ?? "" };
}

const PIECE = 1 << 20;

/** Returns the SHA-256 of a file's bytes, in hex. */
function fileDigest(path: string): string {
  using file = Deno.openSync(path);
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE);
  for (let read = file.readSync(piece); read !== null; read = file.readSync(piece)) {
    hash.update(piece.subarray(0, read));
  }
  return hash.digest("hex");
}
