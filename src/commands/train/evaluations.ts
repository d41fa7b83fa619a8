/** The evaluations of a training, which all ranks make together. */

import { type Accuracies, evaluate, type SetAccuracies } from "../../evaluate/linear.ts";
import { fewNeighbours } from "../../evaluate/class_notes.ts";
import { evaluationOptions } from "../../evaluate/options.ts";
import { MOST_CLASSES } from "../../run/confusion_file.ts";
import type { EvalRow } from "../../run/metrics.ts";
import type { RunOutput } from "./output.ts";
import type { Training } from "./training.ts";

/** Evaluations of a run, over all its invocations. */
export class Evaluations {
  readonly #training: Training;
  readonly #output: RunOutput;
  readonly #rows: EvalRow[];
  #isNoted = false;

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
    const parts = { learner, train, test, heldOut, ranks, byClass: true };
    const begun = performance.now();
    const found = await evaluate(parts, evaluationOptions(config, device), (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    });
    progress.close();
    if (found === undefined) return;
    this.#training.budget?.evaluationTook((performance.now() - begun) / 1000);
    const row: EvalRow = {
      kind: "eval",
      step: stepsDone,
      epoch: stepsDone / plan.stepsPerEpoch,
      ...withoutClasses(found),
      classes: train.describe().classes,
    };
    this.#output.write(row);
    this.#rows.push(row);
    this.#byClass(stepsDone, found);
  }

  /** Keeps the answers by class, and notes once in an invocation that the smallest class has few images. */
  #byClass(step: number, found: Accuracies): void {
    const { classNames: classes } = this.#training.inputs.train.describe();
    const { confusion, tested_on, held_out: heldOut } = found;
    if (confusion !== undefined && classes.length <= MOST_CLASSES) {
      this.#output.keepAnswers({
        ...{ step, classes, confusion },
        ...heldOut?.confusion && { held_out: heldOut.confusion },
        ...tested_on && { tested_on },
      });
    }
    const note = fewNeighbours(found.smallest_class, "deno task eval --protocol=knn --knn=");
    if (note !== undefined && !this.#isNoted) this.#output.note(note);
    this.#isNoted = true;
  }
}

/** Returns the accuracies without what is counted by class, which is too much for each row. */
function withoutClasses(
  { held_out: heldOut, ...found }: Accuracies,
): Omit<Accuracies, keyof ByClass> {
  return { ...summaryOf(found), ...heldOut && { held_out: summaryOf(heldOut) } };
}

type ByClass = Pick<SetAccuracies, "confusion" | "smallest_class">;

function summaryOf<Set extends SetAccuracies>(
  { confusion: _, smallest_class: __, ...summary }: Set,
): Omit<Set, keyof ByClass> {
  return summary;
}
