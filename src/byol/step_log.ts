/** The rows of a training: metrics, rates and images per second of the logged steps. */

import type { Learner, ProbeRates, StepRates } from "../native/learner.ts";
import { FiniteCheck } from "./divergence.ts";
import type { TrainRow } from "./train_row.ts";

/** Options that a row depends on. */
export interface StepLogOptions {
  /** Images of an optimizer step, over all ranks. */
  batchSize: number;
  /** Optimizer steps of an epoch. */
  stepsPerEpoch: number;
  /** The first step of this invocation, from 0. */
  firstStep: number;
  /** Rates of the learner's online probe; undefined for a learner without a probe. */
  probeRates?: Readonly<ProbeRates> | undefined;
  /** Weight of the rotation auxiliary; 0 (default) for a learner without the auxiliary. */
  rotationWeight?: number;
}

/** Reader of the metrics of logged steps, with a clock for the images per second between them. */
export class StepLog {
  readonly #learner: Learner;
  readonly #options: StepLogOptions;
  readonly #finite = new FiniteCheck();
  #restartedAt = performance.now();
  #restartedSteps: number;

  /** Starts the clock at `options.firstStep`. */
  constructor(learner: Learner, options: StepLogOptions) {
    this.#learner = learner;
    this.#options = options;
    this.#restartedSteps = options.firstStep;
  }

  /**
   * Returns the row of the step that the learner has just taken. Waits for the device.
   *
   * @throws UserError (numbers) when the loss or the gradient is not finite
   */
  read(step: number, { learningRate, tau }: StepRates): TrainRow {
    const { batchSize, stepsPerEpoch } = this.#options;
    const metrics = this.#learner.readMetrics();
    const seconds = (performance.now() - this.#restartedAt) / 1000;
    const row: TrainRow = {
      kind: "train",
      step,
      epoch: Math.floor(step / stepsPerEpoch) + 1,
      loss: metrics.loss,
      learning_rate: learningRate,
      tau,
      images_per_second: batchSize * (step + 1 - this.#restartedSteps) / seconds,
      embedding_std: metrics.embeddingStd,
      effective_rank: metrics.effectiveRank,
      gradient_norm: metrics.gradientNorm,
      parameter_norm: metrics.parameterNorm,
      ...this.#probeMetrics(),
      ...this.#rotationMetrics(),
      ...this.#scalerMetrics(),
    };
    this.#finite.see(row);
    return row;
  }

  /** Restarts the clock; to be called after a logged step's evaluation and checkpoint, whose time does not count. */
  restartClock(stepsDone: number): void {
    this.#restartedAt = performance.now();
    this.#restartedSteps = stepsDone;
  }

  #probeMetrics(): Pick<TrainRow, "probe_loss" | "probe_top1"> {
    if (this.#options.probeRates === undefined) return {};
    const { loss, accuracy } = this.#learner.readProbeMetrics();
    return { probe_loss: loss, probe_top1: 100 * accuracy };
  }

  #rotationMetrics(): Pick<TrainRow, "rotation_loss" | "rotation_top1"> {
    const { rotationWeight = 0 } = this.#options;
    if (rotationWeight === 0) return {};
    const { loss, accuracy } = this.#learner.readRotationMetrics();
    return { rotation_loss: loss, rotation_top1: 100 * accuracy };
  }

  #scalerMetrics(): Pick<TrainRow, "skipped_steps" | "loss_scale"> {
    const scaler = this.#learner.readScaler();
    if (scaler === undefined) return {};
    return { skipped_steps: scaler.skippedSteps, loss_scale: scaler.lossScale };
  }
}
