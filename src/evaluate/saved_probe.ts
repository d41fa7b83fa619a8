/** The final classifier of an evaluation as a file, for other programs and for reports. */

import { dirname } from "node:path";
import type { RunConfig } from "../options/config.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isSystemError } from "../base/expected.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { Probe } from "../native/probe.ts";

/** Record of a saved probe, in the safetensors entry "byol". */
export interface ProbeRecord {
  /** Protocol of the training. */
  protocol: RunConfig["protocol"];
  /** Share of the training images that it learnt from, in percent. */
  labelFraction: number;
  /** The data set that it learnt. */
  datasetName: RunConfig["datasetName"];
  /** The classes in the order of its rows. */
  classNames: string[];
  /** SHA-256 of the tensors of the checkpoint that its encoder is from, in hex. */
  checkpoint: string;
  /** Steps that the encoder was trained for; null where its file does not say. */
  step: number | null;
}

/**
 * Looks for the file's folder before the work begins, not after hours of it.
 *
 * @throws UserError (save) where there is none
 */
export function requireRoomFor(path: string): void {
  const folder = dirname(path);
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    // Told below, as what is no folder.
    if (!isSystemError(error)) throw error;
  }
  throw new UserError(
    `Cannot write --save_probe=${path}: expected that ${folder} is a folder`,
    ExitCode.save,
  );
}

/** Writes it; of a fine-tuning with its encoder, which is in no other file. @throws UserError (save) */
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
