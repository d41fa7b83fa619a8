/**
 * Progress on stderr: one rewritten line on a terminal, plain lines elsewhere. stdout is for results.
 *
 * @module
 */

import { endOpenLine, show, showOpenLine } from "./output.ts";

/** Terminal or log that shows progress. */
export interface Terminal {
  /** Shows a text unchanged; it erases the line of `rewrite()`. */
  write(text: string): void;
  /** Shows a line in the place of the one that was shown so before. */
  rewrite(line: string): void;
  /** Leaves the line of `rewrite()` as it is; without such a line, does nothing. */
  endLine(): void;
  /** True where a line can be rewritten. */
  readonly isTerminal: boolean;
  /** Number of characters in a line. */
  columns(): number;
  /** Milliseconds since a fixed moment. */
  now(): number;
}

/** Returns the process's stderr as a terminal; text that cannot be written is dropped. */
export function stderrTerminal(): Terminal {
  const isTerminal = Deno.stderr.isTerminal();
  return {
    write: show,
    rewrite: showOpenLine,
    endLine: endOpenLine,
    isTerminal,
    columns: () => isTerminal ? consoleColumns() : 80,
    now: () => performance.now(),
  };
}

/** Terminal that shows nothing, for ranks above 0. */
export const NULL_TERMINAL: Terminal = {
  write() {},
  rewrite() {},
  endLine() {},
  isTerminal: false,
  columns: () => 80,
  now: () => performance.now(),
};

/** Returns the width of stderr; 80 for pseudo-terminals without a size. */
function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** Intervals in milliseconds at which a terminal's line is rewritten, and at which a line is added elsewhere. */
const REDRAW_INTERVAL = 100;
const LINE_INTERVAL = 10_000;
const BAR_WIDTH = 20;
/** Updates before a time left is shown: the first steps are slower than the others. */
const LEAST_UPDATES = 5;

/** Label and amount of a progress line. */
export interface ProgressOptions {
  /** Name of the work, in a word or two. */
  label: string;
  /** Units of work in all. */
  total: number;
  /** Units done before this invocation, which do not count for the time left; 0 by default. */
  done?: number;
}

/** One progress line with the time left. Updates are cheap, because the line is redrawn at fixed intervals. */
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
  #updates = 0;
  #isClosed = false;

  /** Creates a progress line, which is not shown before the first update. */
  constructor(terminal: Terminal, options: ProgressOptions) {
    this.#terminal = terminal;
    this.#label = options.label;
    this.#total = options.total;
    this.#doneBefore = options.done ?? 0;
    this.#done = this.#doneBefore;
    this.#startedAt = terminal.now();
  }

  /**
   * Reports the progress.
   *
   * @param done units of work done
   * @param detail text to show beside; by default the one of the previous call
   */
  update(done: number, detail?: string): void {
    if (this.#isClosed) return;
    if (done > this.#done) this.#updates++;
    this.#done = done;
    this.#detail = detail ?? this.#detail;
    const interval = this.#terminal.isTerminal ? REDRAW_INTERVAL : LINE_INTERVAL;
    if (this.#terminal.now() - this.#shownAt >= interval) this.#show();
  }

  /** Adds a permanent line of text above the progress line. */
  note(line: string): void {
    this.#terminal.write(`${line}\n`);
    if (this.#terminal.isTerminal && this.#shown !== "" && !this.#isClosed) this.#show();
  }

  /** Shows the final state and ends the line; a second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#shown === "") return;
    // A terminal's line may have been erased by another text.
    if (this.#terminal.isTerminal || this.#line() !== this.#shown) this.#show();
    this.#terminal.endLine();
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
      // The last column stays free, where some terminals would break the line.
      this.#terminal.rewrite([...line].slice(0, this.#terminal.columns() - 1).join(""));
    } else {
      this.#terminal.write(`${line}\n`);
    }
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
    if (doneNow <= 0 || this.#updates < LEAST_UPDATES) return "";
    return `${durationText(elapsed / 1000 * (this.#total - this.#done) / doneNow)} left`;
  }
}

/** Returns seconds as a text such as 4:05 or 1:02:03. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  const tail = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}
