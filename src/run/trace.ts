/**
 * Trace files: all tensors of a training step, from which another program can recompute the step (docs/files.md).
 *
 * @module
 */

import { join } from "node:path";
import { saving } from "./checkpoint_writer.ts";
import type { RunConfig } from "../options/config.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { stemOf } from "../recipes/stem.ts";

/** The step to trace. */
export interface TracedStep {
  step: number;
  learningRate: number;
  tau: number;
  /** Rank whose views are traced; 0 by default. Other ranks than 0 appear in the file's name. */
  rank?: number;
}

/**
 * Copies the state before a step.
 *
 * @returns a function to call after the step, which writes the trace to a file in --trace_dir and returns its path
 * @throws UserError (save) where --trace_dir cannot be created; the returned function, where the file cannot be written
 */
export function traceStep(
  { learner, dataset }: { learner: Learner; dataset: Dataset },
  config: RunConfig,
  { step, learningRate, tau, rank = 0 }: TracedStep,
): () => string {
  saving(config.traceDir, () => Deno.mkdirSync(config.traceDir, { recursive: true }));
  const trace = learner.beginTrace();
  return () => {
    const name = `trace-${String(step).padStart(6, "0")}${rank === 0 ? "" : `.rank${rank}`}`;
    const path = join(config.traceDir, `${name}.safetensors`);
    const { momentum, weightDecay, eta, larsVariant, bnViews, resnetType } = config;
    const { hiddenDim, zDim, heads, rotationWeight, dtype } = config;
    const stem = stemOf(config);
    const { loss, effectiveRank } = learner.readMetrics();
    const network = { resnetType, stem, hiddenDim, zDim, dtype, larsVariant, bnViews };
    const rates = { learningRate, tau, momentum, weightDecay, eta };
    // Traces of earlier versions name neither heads nor rotations.
    const more = {
      ...heads !== "reference" && { heads },
      ...rotationWeight > 0 && rotationOf(learner, rotationWeight),
    };
    const described = { loss, effectiveRank, step, ...rates, ...network, ...more };
    saving(path, () => trace.write(dataset, path, described));
    trace.close();
    return path;
  };
}

/** Returns what a trace tells of the rotation auxiliary. */
function rotationOf(learner: Learner, rotationWeight: number): Record<string, number> {
  const { loss, accuracy } = learner.readRotationMetrics();
  return { rotationWeight, rotationLoss: loss, rotationAccuracy: accuracy };
}
