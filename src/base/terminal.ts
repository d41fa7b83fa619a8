/**
 * What a person sees of a run: a progress line on a terminal, plain lines elsewhere, and the table at the end.
 * Progress goes to stderr; stdout is the result's.
 *
 * @module
 */

import type { EvalRow, MetricsRow, MetricsSink, TrainRow } from "../run/metrics.ts";

/** Where progress is shown. */
export interface Terminal {
  /** Shows a text as it is. */
  write(text: string): void;
  /** Whether a line can be rewritten. */
  readonly isTerminal: boolean;
  /** Characters in a line. */
  columns(): number;
  /** Milliseconds since some moment. */
  now(): number;
}

/** The process's stderr. */
export function stderrTerminal(): Terminal {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal();
  return {
    write(text) {
      const bytes = encoder.encode(text);
      for (let done = 0; done < bytes.length;) {
        done += Deno.stderr.writeSync(bytes.subarray(done));
      }
    },
    isTerminal,
    columns: () => isTerminal ? consoleColumns() : 80,
    now: () => performance.now(),
  };
}

/** Shows nothing: the terminal of all ranks but the first. */
export const NULL_TERMINAL: Terminal = {
  write() {},
  isTerminal: false,
  columns: () => 80,
  now: () => performance.now(),
};

/** A terminal without a size, as some pseudo-terminals are, gets the usual one. */
function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** How often a terminal's line is rewritten, and how often a line is added elsewhere, in milliseconds. */
const REDRAW_INTERVAL = 100;
const LINE_INTERVAL = 10_000;
const BAR_WIDTH = 20;

/** What a progress line is about. */
export interface ProgressOptions {
  /** What is going on, in a word or two. */
  label: string;
  /** Units of work in all. */
  total: number;
  /** Units done before this start, as after a resume; they do not count for the time left. */
  done?: number;
}

/** One progress line with the time left. Cheap to update: it redraws at its own pace. */
export class Progress implements Disposable {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #total: number;
  readonly #doneBefore: number;
  readonly #startedAt: number;
  #done: number;
  #detail = "";
  #shownAt = -Infinity;
  #shown = "";
  #isDrawn = false;
  #isClosed = false;

  /** Nothing is shown before the first update. */
  constructor(terminal: Terminal, options: ProgressOptions) {
    this.#terminal = terminal;
    this.#label = options.label;
    this.#total = options.total;
    this.#doneBefore = options.done ?? 0;
    this.#done = this.#doneBefore;
    this.#startedAt = terminal.now();
  }

  /**
   * Says how far it is.
   *
   * @param done units of work done
   * @param detail what to show beside; the last one stays when it is left out
   */
  update(done: number, detail?: string): void {
    if (this.#isClosed) return;
    this.#done = done;
    this.#detail = detail ?? this.#detail;
    const interval = this.#terminal.isTerminal ? REDRAW_INTERVAL : LINE_INTERVAL;
    if (this.#terminal.now() - this.#shownAt >= interval) this.#show();
  }

  /** Adds a line of text that stays, above the progress line. */
  note(line: string): void {
    this.#erase();
    this.#terminal.write(`${line}\n`);
    if (this.#terminal.isTerminal && this.#shown !== "" && !this.#isClosed) this.#show();
  }

  /** Shows the final state once and ends the line; harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    if (this.#shown !== "" && this.#line() !== this.#shown) this.#show();
    if (this.#isDrawn) this.#terminal.write("\n");
    this.#isDrawn = false;
    this.#isClosed = true;
  }

  /** Ends the line. */
  [Symbol.dispose](): void {
    this.close();
  }

  #show(): void {
    const line = this.#line();
    this.#shown = line;
    this.#shownAt = this.#terminal.now();
    if (this.#terminal.isTerminal) {
      this.#erase();
      // The last column stays free: some terminals would break the line.
      this.#terminal.write([...line].slice(0, this.#terminal.columns() - 1).join(""));
      this.#isDrawn = true;
    } else {
      this.#terminal.write(`${line}\n`);
    }
  }

  #erase(): void {
    if (this.#isDrawn) this.#terminal.write("\r\x1b[2K");
    this.#isDrawn = false;
  }

  #line(): string {
    const share = this.#total > 0 ? Math.min(1, this.#done / this.#total) : 1;
    const full = Math.floor(share * BAR_WIDTH);
    const bar = `${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} `;
    const parts = [
      `${this.#label} ${this.#terminal.isTerminal ? bar : ""}${Math.floor(share * 100)} %`,
      this.#detail,
      this.#timeLeft(),
    ];
    return parts.filter((part) => part !== "").join(" · ");
  }

  #timeLeft(): string {
    const elapsed = this.#terminal.now() - this.#startedAt;
    const doneNow = this.#done - this.#doneBefore;
    if (this.#done >= this.#total) return `done in ${durationText(elapsed / 1000)}`;
    if (doneNow <= 0) return "";
    return `${durationText(elapsed / 1000 * (this.#total - this.#done) / doneNow)} left`;
  }
}

/** What the training's progress is measured by. */
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

/**
 * The table a run ends with: the untrained encoder against the trained one.
 *
 * @param evaluations in order; the first of epoch 0 and the last of all are shown, and the gain where both
 * exist
 */
export function resultTable(evaluations: readonly EvalRow[]): string {
  const untrained = evaluations.find((row) => row.epoch === 0);
  const trained = evaluations.findLast((row) => row.epoch > 0);
  const rows = [["top-1 / top-5 in %", "k-NN top-1", "probe top-1", "probe top-5"]];
  if (untrained) rows.push(["untrained encoder", ...figures(untrained, plain)]);
  if (trained) {
    const epochs = `${trained.epoch} epoch${trained.epoch === 1 ? "" : "s"}`;
    rows.push([`after ${epochs}`, ...figures(trained, plain)]);
  }
  if (untrained && trained) {
    const gain = {
      knn_top1: trained.knn_top1 - untrained.knn_top1,
      top1: trained.top1 - untrained.top1,
      top5: trained.top5 - untrained.top5,
    };
    rows.push(["gain in points", ...figures(gain, signed)]);
  }
  return aligned(rows);
}

function figures(
  row: Pick<EvalRow, "knn_top1" | "top1" | "top5">,
  shown: (value: number) => string,
): string[] {
  return [row.knn_top1, row.top1, row.top5].map(shown);
}

function plain(value: number): string {
  return value.toFixed(2);
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

/** Columns side by side: the first to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("   ")
  );
  return `${lines.join("\n")}\n`;
}

/** Seconds as 4:05 or 1:02:03. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  const tail = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}
