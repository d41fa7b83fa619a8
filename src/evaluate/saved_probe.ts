/** Saving of the final classifier of an evaluation (`--save_probe`), for reports and other programs. */

import { dirname } from "node:path";
import type { RunConfig } from "../options/config.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isSystemError } from "../base/expected.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { Probe } from "../native/probe.ts";

/** Record of a saved probe, in the entry "byol" of the safetensors metadata. */
export interface ProbeRecord {
  /** Protocol of the training. */
  protocol: RunConfig["protocol"];
  /** Share of the training images that the probe learnt from, in percent. */
  labelFraction: number;
  /** The data set that the probe learnt from. */
  datasetName: RunConfig["datasetName"];
  /** The names of the classes, in the order of the weight's rows. */
  classNames: string[];
  /** SHA-256 of the tensors of the encoder's checkpoint, in hex. */
  checkpoint: string;
  /** Steps that the encoder was trained for; null where its file names none. */
  step: number | null;
}

/**
 * Checks that the folder of --save_probe exists. To be called before the evaluation, which may take hours.
 *
 * @throws UserError (save) where the folder is missing
 */
export function requireRoomFor(path: string): void {
  const folder = dirname(path);
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    // The error below reports a missing path like one that is no folder.
    if (!isSystemError(error)) throw error;
  }
  throw new UserError(
    `Cannot write --save_probe=${path}: ${folder} is no folder, expected one`,
    ExitCode.save,
  );
}

/**
 * Writes the file of --save_probe; after a fine-tuning it includes the encoder, which no other file holds.
 *
 * @throws UserError (save) when the file cannot be written
 */
export function saveProbe(
  probe: Probe,
  { learner, config, weights, classNames }: {
    learner: Learner;
    config: RunConfig;
    weights: CheckpointDescription;
    classNames: string[];
  },
): void {
  const { protocol, labelFraction, datasetName } = config;
  const path = config.saveProbe ?? "";
  const step = weights.metadata?.step;
  const record: ProbeRecord = {
    protocol,
    labelFraction,
    datasetName,
    classNames,
    checkpoint: weights.sha256,
    step: typeof step === "number" ? step : null,
  };
  try {
    const withEncoder = protocol === "finetune";
    probe.save(learner, { path, metadata: { ...record }, withEncoder });
  } catch (error) {
    throw asUserError(error, ExitCode.save);
  }
}
