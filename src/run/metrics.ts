/**
 * Metrics of a run: one stream of rows, written to any number of sinks.
 *
 * metrics.jsonl, with one JSON object per line, is the record; the terminal (terminal_sink.ts) and TensorBoard
 * (tensorboard/sink.ts) are other sinks. Steps count from 0, as in schedules.ts and the trace files.
 *
 * @module
 */

import type { TrainRow } from "../byol/train_row.ts";

/** Row of an invocation: the first row of a run, and another one after each resume. */
export interface RunRow {
  /** Kind of the row: an invocation. */
  kind: "run";
  /** First step of the invocation: 0, or the first step after the checkpoint that the run was resumed from. */
  step: number;
  /** Start of the invocation, in ISO 8601. */
  time: string;
  /** Further facts of the invocation: versions, threads, warnings about the data. */
  [detail: string]: unknown;
}

/** Accuracies of an evaluation on one set of images. */
export type SetRow = Pick<EvalRow, "top1" | "top5" | "knn_top1" | "tested">;

/** Row of one evaluation of the encoder. */
export interface EvalRow {
  /** Kind of the row: an evaluation. */
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
  /** Number of test images. Runs of earlier versions lack this key. */
  tested?: number;
  /** Number of classes. Runs of earlier versions lack this key. */
  classes?: number;
  /** The same accuracies on the images that neither encoder nor probe learnt from; absent without `--hold_out`. */
  held_out?: SetRow;
  /** "held-out" where there are no test images, and the accuracies above are those of `held_out`. */
  tested_on?: "held-out";
  /** Further results by name, such as the learning rate that a search has chosen. */
  details?: Record<string, number | string>;
}

/** A row of the stream. */
export type MetricsRow = RunRow | TrainRow | EvalRow;

/** Destination of rows. */
export interface MetricsSink {
  /** Takes one row. */
  write(row: MetricsRow): void;
  /** Syncs all rows to the disk. */
  flush?(): void;
  /** Closes the sink; a second call does nothing. */
  close(): void;
}

/** Stream that writes each row to all sinks, in order. */
export class Metrics implements Disposable {
  readonly #sinks: readonly MetricsSink[];

  /**
   * Makes a stream.
   *
   * @param sinks destinations of the rows, which are closed with the stream
   */
  constructor(sinks: readonly MetricsSink[]) {
    this.#sinks = sinks;
  }

  /** Writes one row to all sinks. */
  write(row: MetricsRow): void {
    for (const sink of this.#sinks) sink.write(row);
  }

  /** Syncs all rows to the disk. To be called with every checkpoint. */
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

/** Returns true for a row of an evaluation, with all the numbers that one has. */
export function isEvalRow(row: unknown): row is EvalRow {
  if (typeof row !== "object" || row === null) return false;
  const { kind, step, epoch, classes, held_out: heldOut } = row as Partial<EvalRow>;
  return kind === "eval" && Number.isInteger(step) && typeof epoch === "number" &&
    (classes === undefined || typeof classes === "number") && isSetRow(row) &&
    (heldOut === undefined || isSetRow(heldOut));
}

function isSetRow(row: unknown): boolean {
  if (typeof row !== "object" || row === null) return false;
  const { top1, top5, knn_top1: knn, tested } = row as Partial<SetRow>;
  return [top1, top5, knn].every((value) => typeof value === "number") &&
    (tested === undefined || typeof tested === "number");
}

/** Name of a set of images that an evaluation tests on. */
export type SetName = "test" | "held-out";

/** Returns the accuracies of an evaluation on each set of images, the test images first. */
export function setsOf(row: EvalRow): { name: SetName; accuracies: SetRow }[] {
  const { held_out: heldOut, tested_on: on } = row;
  return [
    ...on === "held-out" ? [] : [{ name: "test" as const, accuracies: row }],
    ...heldOut === undefined ? [] : [{ name: "held-out" as const, accuracies: heldOut }],
  ];
}
