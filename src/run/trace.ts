/**
 * Training steps written whole, for anyone to recompute (docs/files.md).
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
  /** Whose views they are; the other ranks' files have it in their names. */
  rank?: number;
}

/**
 * Keeps the state before a step.
 *
 * @returns to be called after the step: writes the trace to a file of --trace_dir and returns its path
 * @throws UserError (save) where that cannot be written, now or then
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
    const { hiddenDim, zDim, dtype } = config;
    const stem = stemOf(config);
    const { loss, effectiveRank } = learner.readMetrics();
    const network = { resnetType, stem, hiddenDim, zDim, dtype, larsVariant, bnViews };
    const rates = { learningRate, tau, momentum, weightDecay, eta };
    const described = { loss, effectiveRank, step, ...rates, ...network };
    saving(path, () => trace.write(dataset, path, described));
    trace.close();
    return path;
  };
}
