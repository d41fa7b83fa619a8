/**
 * Files of weights that another program may have written: what is taken from them, and how that is said.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { describeOrThrow, metadataOf } from "../run/checkpoint.ts";
import type { InitialWeights } from "../run/record.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { StoredOptions } from "../options/stored.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";

/**
 * Returns the options of an evaluation that a file decides: the configuration in a file of ours, the network alone
 * of another program's.
 *
 * @param found what the file holds, where that is known
 * @throws UserError (checkpoint) when the file is missing, damaged, or holds no encoder
 */
export function configurationOf(
  path: string,
  found: CheckpointDescription = describeOrThrow(path),
): StoredOptions {
  if (found.metadata !== null) return metadataOf(path, found).config;
  const resnetType = found.encoder?.resnetType ?? undefined;
  // A file without an encoder is refused by its names where it is loaded.
  return resnetType === undefined ? {} : { resnet_type: resnetType };
}

/** A sentence on what is taken from another program's file and what is left out; none for a file of ours. */
export function encoderNote(
  path: string,
  { metadata, encoder }: Pick<CheckpointDescription, "metadata" | "encoder">,
): string | undefined {
  if (metadata !== null || encoder === null) return undefined;
  const leftOut = encoder.leftOut.length === 0 ? "" : `; left out: ${encoder.leftOut.join(", ")}`;
  return `The encoder comes from ${encoder.prefix}* in ${path}: ${encoder.words}${leftOut}`;
}

/** Reads a learner's encoder from a file. @throws UserError (checkpoint) naming what is missing or of another shape */
export function loadEncoder(learner: Learner, path: string): void {
  try {
    learner.loadEncoder(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
}

/**
 * Fills the online and the target encoder of a new learner from a file.
 *
 * @throws UserError (checkpoint) naming what is missing, unexpected or of another shape, and the network that would fit
 */
export function initialise(
  learner: Learner,
  path: string,
  warn: (line: string) => void,
): InitialWeights {
  const found = describeOrThrow(path);
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

/** SHA-256 of a file's bytes, in hex. */
function fileDigest(path: string): string {
  using file = Deno.openSync(path);
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE);
  for (let read = file.readSync(piece); read !== null; read = file.readSync(piece)) {
    hash.update(piece.subarray(0, read));
  }
  return hash.digest("hex");
}
