/**
 * Metrics of a run: one stream of rows, written by any number of sinks.
 *
 * metrics.jsonl, one JSON object a line, is the record; the terminal (terminal_sink.ts) is another sink. Steps count
 * from 0, as in schedules.ts and the trace files.
 *
 * @module
 */

import type { TrainRow } from "../byol/train_row.ts";

/** A start of the program on this run: the first row, and one more after each resume. */
export interface RunRow {
  /** Marks an invocation. */
  kind: "run";
  /** The step this start begins with: 0, or the first one after the checkpoint resumed from. */
  step: number;
  /** When, in ISO 8601. */
  time: string;
  /** Whatever else identifies this start: versions, threads, warnings about the data. */
  [detail: string]: unknown;
}

/** One evaluation of the encoder. */
export interface EvalRow {
  /** Marks an evaluation. */
  kind: "eval";
  /** Steps trained so far. */
  step: number;
  /** Epochs trained so far; 0 is the untrained encoder. */
  epoch: number;
  /** Top-1 accuracy of the linear probe on the test images, in percent. */
  top1: number;
  /** Top-5 accuracy of the linear probe, in percent. */
  top5: number;
  /** Accuracy of the weighted k-nearest-neighbour classifier, in percent. */
  knn_top1: number;
  /** Test images; runs of earlier versions do not say. */
  tested?: number;
  /** Anything else that was measured, by name. */
  details?: Record<string, number | string>;
}

/** A row of the stream. */
export type MetricsRow = RunRow | TrainRow | EvalRow;

/** Something rows are written to. */
export interface MetricsSink {
  /** Takes one row. */
  write(row: MetricsRow): void;
  /** Makes everything written so far outlive a crash. */
  flush?(): void;
  /** Writes what is pending and lets go; harmless when repeated. */
  close(): void;
}

/** The stream: every row goes to every sink, in order. */
export class Metrics implements Disposable {
  readonly #sinks: readonly MetricsSink[];

  /**
   * Makes a stream.
   *
   * @param sinks closed with it
   */
  constructor(sinks: readonly MetricsSink[]) {
    this.#sinks = sinks;
  }

  /** Writes one row to all sinks. */
  write(row: MetricsRow): void {
    for (const sink of this.#sinks) sink.write(row);
  }

  /** Makes all rows so far outlive a crash; call it with every checkpoint. */
  flush(): void {
    for (const sink of this.#sinks) sink.flush?.();
  }

  /** Closes all sinks. */
  close(): void {
    for (const sink of this.#sinks) sink.close();
  }

  /** Closes all sinks. */
  [Symbol.dispose](): void {
    this.close();
  }
}
