/** metrics.jsonl: rows of metrics as a file, one JSON object a line; written, read, and cut back for a resume. */

import { replaceFile, writeAll } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { MetricsRow, MetricsSink } from "./metrics.ts";

/** Policy for a row that cannot be written. */
export interface JsonLinesOptions {
  /** End the run, or keep the row until a later one can be written. */
  onError: "stop" | "continue";
  /** Hears of rows that wait, once until they are written. */
  warn(line: string): void;
}

/** Appends rows to a file, one JSON object a line. A row is in it as a whole or not at all. */
export class JsonLinesSink implements MetricsSink {
  readonly #path: string;
  readonly #options: JsonLinesOptions;
  #file: Deno.FsFile | undefined;
  #length: number;
  #waiting = "";
  #isFailing = false;
  #isTorn = false;

  /**
   * Opens the file.
   *
   * @param path created if it is not there, else continued
   * @throws UserError (run folder) when it cannot be opened
   */
  constructor(path: string, options: JsonLinesOptions = { onError: "stop", warn: () => {} }) {
    this.#path = path;
    this.#options = options;
    try {
      this.#file = Deno.openSync(path, { append: true, create: true });
      this.#length = this.#file.statSync().size;
    } catch (error) {
      throw asUserError(error, ExitCode.runFolder, { task: `open ${path} for writing` });
    }
  }

  /**
   * Appends one row, after those that wait.
   *
   * @throws UserError (save) when it cannot be written, as on a full disk, and that ends the run
   */
  write(row: MetricsRow): void {
    this.#waiting += lineOf(row);
    try {
      this.#writeWaiting();
    } catch (error) {
      if (this.#options.onError === "stop" || !(error instanceof UserError)) throw error;
      if (!this.#isFailing) this.#options.warn(`${error.message}; its rows wait for room`);
      this.#isFailing = true;
    }
  }

  /**
   * Waits until all rows are on the disk.
   *
   * @throws UserError (save) when they cannot be
   */
  flush(): void {
    this.#writeWaiting();
    this.#attempt((file) => file.syncDataSync(), 0);
  }

  /** Closes the file; rows that still wait are lost: flush() first. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #writeWaiting(): void {
    const bytes = new TextEncoder().encode(this.#waiting);
    this.#attempt((file) => {
      // Half a row would spoil the next one.
      if (this.#isTorn) file.truncateSync(this.#length);
      this.#isTorn = true;
      writeAll(file, bytes);
    }, bytes.length);
    this.#isTorn = false;
    this.#length += bytes.length;
    this.#waiting = "";
    this.#isFailing = false;
  }

  #attempt(action: (file: Deno.FsFile) => void, bytes: number): void {
    if (!this.#file) throw new Error(`Cannot write to ${this.#path}: it is closed`);
    try {
      action(this.#file);
    } catch (error) {
      throw asUserError(error, ExitCode.save, { task: `write to ${this.#path} (${bytes} bytes)` });
    }
  }
}

/**
 * Reads the rows of a metrics file; an unfinished last line, left by a crash, is dropped.
 *
 * @param options.damaged hears of each line that is no row, in a sentence that names it; such lines are then left out
 * @returns no rows where there is no file
 * @throws UserError (run folder) that names the line which is no row, where nobody hears of it
 */
export function readMetrics(
  path: string,
  { damaged }: { damaged?: (problem: string) => void } = {},
): MetricsRow[] {
  return read(path, damaged).rows;
}

/**
 * Cuts a metrics file where a resumed run continues, so that no row is doubled: keeps train rows of steps
 * before `nextStep`, and run and eval rows of at most that many steps. The file is replaced as a whole, or not
 * touched where there is nothing to drop.
 *
 * @param path the file; need not be there
 * @param nextStep the first step the resumed run will take, which is the number of steps it has behind it
 * @param options.isLogged whether an unbroken run logs the step before `nextStep`: an invocation that ends there does
 * @returns the rows kept: an evaluation due at `nextStep` was done if its row is among them
 * @throws UserError (run folder) that names the line which is no row, or (save) when it cannot be written
 */
export function truncateAfter(
  path: string,
  nextStep: number,
  { isLogged = () => true }: { isLogged?: (stepsDone: number) => boolean } = {},
): MetricsRow[] {
  const { rows, whole } = read(path);
  const kept = rows.filter((row) => {
    if (row.kind !== "train") return row.step <= nextStep;
    return row.step + 1 === nextStep ? isLogged(nextStep) : row.step < nextStep;
  });
  if (whole && kept.length === rows.length) return kept;
  try {
    replaceFile(path, kept.map(lineOf).join(""));
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `cut ${path} back to step ${nextStep}` });
  }
  return kept;
}

/** A row as a line. JSON has no NaN: what is not finite is written as a string, not lost as null. */
function lineOf(row: MetricsRow): string {
  const text = JSON.stringify(
    row,
    (_, value) => typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

function read(
  path: string,
  damaged?: (problem: string) => void,
): { rows: MetricsRow[]; whole: boolean } {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { rows: [], whole: true };
    throw asUserError(error, ExitCode.runFolder, { task: `read ${path}` });
  }
  const lines = text.split("\n");
  // What follows the last line feed is empty, or a row that a crash cut short.
  const whole = lines.pop() === "";
  const rows = lines.flatMap((line, index) => {
    const place = `${path}:${index + 1}`;
    const row = rowOf(line);
    if (row !== undefined) return [row];
    const problem = `Cannot read the row at ${place}: expected a JSON object with kind and step`;
    if (damaged === undefined) {
      throw new UserError(`${problem}; repair or remove that line`, ExitCode.runFolder);
    }
    damaged(`${problem}; it is left out`);
    return [];
  });
  return { rows, whole };
}

function rowOf(line: string): MetricsRow | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  const { kind, step } = (row ?? {}) as Partial<MetricsRow>;
  const isRow = (kind === "run" || kind === "train" || kind === "eval") && Number.isInteger(step);
  return isRow ? row as MetricsRow : undefined;
}
