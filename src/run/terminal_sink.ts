/** Sink that shows metrics on the terminal: a progress bar for the training, a permanent line for each evaluation. */

import { Progress, type ProgressOptions, type Terminal } from "../base/terminal.ts";
import type { TrainRow } from "../byol/train_row.ts";
import { accuracyText, epochText, testedText } from "./accuracy_text.ts";
import { type EvalRow, type MetricsRow, type MetricsSink, setsOf } from "./metrics.ts";

/** Steps and epochs of a training, for the progress bar. */
export interface TrainingSpan {
  /** The first step of this invocation. */
  firstStep: number;
  /** The step to stop before. */
  endStep: number;
  /** Epochs of the whole run. */
  epochs: number;
}

/** Sink that shows metrics on a terminal. */
export class TerminalSink implements MetricsSink {
  readonly #terminal: Terminal;
  readonly #epochs: number;
  readonly #progress: Progress;

  /** @param terminal usually stderrTerminal() */
  constructor(terminal: Terminal, span: TrainingSpan) {
    this.#terminal = terminal;
    this.#epochs = span.epochs;
    this.#progress = new Progress(terminal, {
      label: "training",
      total: span.endStep,
      done: span.firstStep,
    });
  }

  /** Moves the progress bar between rows. */
  tick(stepsDone: number): void {
    this.#progress.update(stepsDone);
  }

  /** Shows a row: a training step moves the progress bar, an evaluation adds a permanent line. */
  write(row: MetricsRow): void {
    if (row.kind === "train") this.#progress.update(row.step + 1, this.#trainText(row));
    else if (row.kind === "eval") this.#progress.note(evaluationText(row));
    else if (row.step > 0) this.#progress.note(`resumed at step ${row.step}`);
  }

  /** Adds a permanent line. */
  note(line: string): void {
    this.#progress.note(line);
  }

  /** Returns another progress bar, for work between two steps such as an evaluation. */
  progressOf(options: ProgressOptions): Progress {
    return new Progress(this.#terminal, options);
  }

  /** Ends the progress bar. */
  close(): void {
    this.#progress.close();
  }

  #trainText(row: TrainRow): string {
    return [
      `epoch ${row.epoch}/${this.#epochs}`,
      `loss ${row.loss.toFixed(3)}`,
      `lr ${row.learning_rate.toPrecision(3)}`,
      `std ${row.embedding_std.toFixed(4)}`,
      ...(row.probe_top1 === undefined ? [] : [`probe ${row.probe_top1.toFixed(1)} %`]),
      `${row.images_per_second.toFixed(0)} images/s`,
    ].join(" · ");
  }
}

/** Returns one evaluation as a line of text. */
export function evaluationText(row: EvalRow): string {
  const which = row.epoch === 0 ? "untrained encoder" : `after epoch ${epochText(row.epoch)}`;
  const figures = setsOf(row).map(({ name, accuracies }) => {
    const [knn, top1, top5] = [accuracies.knn_top1, accuracies.top1, accuracies.top5].map((one) =>
      accuracyText(one, accuracies.tested)
    );
    const on = testedText({ ...accuracies, classes: row.classes }, { on: name });
    return `k-NN ${knn} %, linear probe top-1 ${top1} %, top-5 ${top5} %${on && ` (${on})`}`;
  });
  return `${which}: ${figures.join("; ")}`;
}
