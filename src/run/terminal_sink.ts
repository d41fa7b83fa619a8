/** Metrics as a person at a terminal sees them: a progress line for training, a line that stays for an evaluation. */

import { Progress, type ProgressOptions, type Terminal } from "../base/terminal.ts";
import type { TrainRow } from "../byol/train_row.ts";
import type { EvalRow, MetricsRow, MetricsSink } from "./metrics.ts";

/** First and last step and the epochs of a training, for its progress. */
export interface TrainingSpan {
  /** The first step of this start. */
  firstStep: number;
  /** The step to stop before. */
  endStep: number;
  /** Epochs of the whole run. */
  epochs: number;
}

/** Shows the stream of metrics. */
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

  /** Moves the bar between rows. */
  tick(stepsDone: number): void {
    this.#progress.update(stepsDone);
  }

  /** Shows a row: training moves the bar, an evaluation leaves a line. */
  write(row: MetricsRow): void {
    if (row.kind === "train") this.#progress.update(row.step + 1, this.#trainText(row));
    else if (row.kind === "eval") this.#progress.note(evaluationText(row));
    else if (row.step > 0) this.#progress.note(`resumed at step ${row.step}`);
  }

  /** Adds a line that stays. */
  note(line: string): void {
    this.#progress.note(line);
  }

  /** A progress line of its own for something that takes a while in between, such as an evaluation. */
  progressOf(options: ProgressOptions): Progress {
    return new Progress(this.#terminal, options);
  }

  /** Ends the line. */
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

/** One evaluation in a line. */
export function evaluationText(row: EvalRow): string {
  const which = row.epoch === 0 ? "untrained encoder" : `after epoch ${row.epoch}`;
  return `${which}: k-NN ${row.knn_top1.toFixed(2)} %, linear probe top-1 ` +
    `${row.top1.toFixed(2)} %, top-5 ${row.top5.toFixed(2)} %`;
}
