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
import type { Trace } from "../native/trace.ts";
import { stemOf } from "../recipes/stem.ts";

/** The step to trace. */
export interface TracedStep {
  step: number;
  learningRate: number;
  tau: number;
  /** Rank whose views are traced; 0 by default. Other ranks than 0 appear in the file's name. */
  rank?: number;
}

/** The state before a step, to be written with the state after the step. */
export class StepTrace implements Disposable {
  readonly #parts: { learner: Learner; dataset: Dataset };
  readonly #config: RunConfig;
  readonly #step: TracedStep;
  readonly #trace: Trace;

  /**
   * Copies the state before a step.
   *
   * @throws UserError (save) where --trace_dir cannot be created
   */
  constructor(
    parts: { learner: Learner; dataset: Dataset },
    config: RunConfig,
    step: TracedStep,
  ) {
    saving(config.traceDir, () => Deno.mkdirSync(config.traceDir, { recursive: true }));
    this.#parts = parts;
    this.#config = config;
    this.#step = step;
    this.#trace = parts.learner.beginTrace();
  }

  /**
   * Writes the trace after the step to a file in --trace_dir, and drops the copy. All ranks must call this method.
   *
   * @returns the path of the file
   * @throws UserError (save) where the file cannot be written
   */
  write(): string {
    const { learner, dataset } = this.#parts;
    const { step, rank = 0, learningRate, tau } = this.#step;
    const name = `trace-${String(step).padStart(6, "0")}${rank === 0 ? "" : `.rank${rank}`}`;
    const path = join(this.#config.traceDir, `${name}.safetensors`);
    const { momentum, weightDecay, eta, larsVariant, bnViews, resnetType } = this.#config;
    const { hiddenDim, zDim, heads, rotationWeight, dtype } = this.#config;
    const stem = stemOf(this.#config);
    const { loss, effectiveRank } = learner.readMetrics();
    const network = { resnetType, stem, hiddenDim, zDim, dtype, larsVariant, bnViews };
    const rates = { learningRate, tau, momentum, weightDecay, eta };
    // Traces of earlier versions name neither heads nor rotations.
    const more = {
      ...heads !== "reference" && { heads },
      ...rotationWeight > 0 && rotationOf(learner, rotationWeight),
    };
    const described = { loss, effectiveRank, step, ...rates, ...network, ...more };
    saving(path, () => this.#trace.write(dataset, path, described));
    this[Symbol.dispose]();
    return path;
  }

  /** Drops the copy; a second call does nothing. */
  [Symbol.dispose](): void {
    this.#trace.close();
  }
}

/** Returns what a trace tells of the rotation auxiliary. */
function rotationOf(learner: Learner, rotationWeight: number): Record<string, number> {
  const { loss, accuracy } = learner.readRotationMetrics();
  return { rotationWeight, rotationLoss: loss, rotationAccuracy: accuracy };
}
