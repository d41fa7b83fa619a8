/** The evaluations of a training, which all ranks make together. */

import { evaluate } from "../../evaluate/linear.ts";
import { evaluationOptions } from "../../evaluate/options.ts";
import type { EvalRow } from "../../run/metrics.ts";
import type { RunOutput } from "./output.ts";
import type { Training } from "./training.ts";

/** Evaluations of a run, over all its invocations. */
export class Evaluations {
  readonly #training: Training;
  readonly #output: RunOutput;
  readonly #rows: EvalRow[];

  /** @param parts.earlier evaluations of earlier invocations, in order */
  constructor(
    training: Training,
    { output, earlier }: { output: RunOutput; earlier: readonly EvalRow[] },
  ) {
    this.#training = training;
    this.#output = output;
    this.#rows = [...earlier];
  }

  /** All evaluations, in order. */
  get rows(): readonly EvalRow[] {
    return this.#rows;
  }

  /**
   * Evaluates the encoder and writes the row, unless the row exists or there are no images to test on. An evaluation that a
   * signal stops leaves no row. All ranks must call this method.
   */
  async evaluateAt(stepsDone: number): Promise<void> {
    const { inputs: { train, test, heldOut }, invocation, learner, plan } = this.#training;
    const isTested = test !== undefined || heldOut !== undefined;
    if (!isTested || this.#rows.some(({ step }) => step === stepsDone)) return;
    const { config, device, ranks, interrupt } = invocation;
    using progress = this.#output.progressOf({ label: "evaluating", total: 100 });
    learner.broadcastStatistics();
    const parts = { learner, train, test, heldOut, ranks };
    const begun = performance.now();
    const found = await evaluate(parts, evaluationOptions(config, device), (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    });
    if (found === undefined) return;
    this.#training.budget?.evaluationTook((performance.now() - begun) / 1000);
    const row: EvalRow = {
      kind: "eval",
      step: stepsDone,
      epoch: stepsDone / plan.stepsPerEpoch,
      ...found,
      classes: train.describe().classes,
    };
    this.#output.write(row);
    this.#rows.push(row);
  }
}
