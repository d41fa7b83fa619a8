/** metrics.jsonl, a file with one row of metrics per line, as JSON: writing, reading, and cutting back for a resume. */

import { replaceFile, writeAll } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { exists, readTextOfFile } from "../base/files.ts";
import { type EvalRow, isEvalRow, type MetricsRow, type MetricsSink } from "./metrics.ts";

/** Handling of a row that cannot be written. */
export interface JsonLinesOptions {
  /** "stop" ends the run; "continue" keeps the row in memory until a later write succeeds. */
  onError: "stop" | "continue";
  /** Shows a warning at the first row that could not be written, and again only after a successful write. */
  warn(line: string): void;
}

/** Sink that appends rows to a file, one JSON object per line. The file holds a row as a whole or not at all. */
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
   * @param path the file, which is created where it is missing
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
   * Appends one row, after the rows that could not be written before.
   *
   * @throws UserError (save) when the row cannot be written, as on a full disk, and `onError` is "stop"
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
   * @throws UserError (save) when a row cannot be written
   */
  flush(): void {
    this.#writeWaiting();
    this.#attempt((file) => file.syncDataSync(), 0);
  }

  /** Closes the file. Rows that could not be written are lost; flush() tries once more. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #writeWaiting(): void {
    const bytes = new TextEncoder().encode(this.#waiting);
    this.#attempt((file) => {
      // The rest of a row that was written in part would damage the next row.
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
 * Reads the rows of a metrics file. An unfinished last line, left by a crash, is dropped.
 *
 * @param options.damaged called for each line that is no row, with a message that names the line; such lines are left
 * out
 * @returns the rows; none where there is no file
 * @throws UserError (run folder) that names the line which is no row, without options.damaged
 */
export function readMetrics(
  path: string,
  { damaged }: { damaged?: (problem: string) => void } = {},
): MetricsRow[] {
  return read(path, damaged).rows;
}

/**
 * Cuts a metrics file back to the step that a run resumes from, so that no row appears twice: train rows of steps
 * before `nextStep` are kept, and run and eval rows of steps up to `nextStep`. The file is replaced as a whole, or left
 * alone where there is nothing to cut.
 *
 * @param path the file, which may be missing
 * @param nextStep the first step of the resumed run, which equals the number of steps done
 * @param options.isLogged returns true where an unbroken run logs the step before `nextStep`; an interrupted invocation
 * logs its last step in any case
 * @returns the kept rows; an evaluation due at `nextStep` was made if its row is among them
 * @throws UserError (run folder) that names the line which is no row; (save) when the file cannot be written
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

/**
 * Moves a metrics file of another run out of the way of a run that begins.
 *
 * @returns the path it has now; undefined where there was nothing in the file, or no file
 * @throws UserError (save) where it cannot be moved
 */
export function setAside(path: string): string | undefined {
  if (!exists(path) || Deno.statSync(path).size === 0) return undefined;
  const aside = `${path}.of-another-run`;
  try {
    Deno.renameSync(path, aside);
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `move ${path} to ${aside}` });
  }
  return aside;
}

/** Returns a row as a line. JSON has no NaN and no infinity, which are written as strings and not lost as null. */
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
    text = readTextOfFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { rows: [], whole: true };
    throw asUserError(error, ExitCode.runFolder, { task: `read ${path}` });
  }
  const lines = text.split("\n");
  // The text after the last line feed is empty, or a row that a crash has cut short.
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

/** Returns the row of a line; undefined for a line that is no row. */
export function rowOf(line: string): MetricsRow | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  const { kind, step } = (row ?? {}) as Partial<MetricsRow>;
  const isRow = kind === "eval"
    ? isEvalRow(row)
    : (kind === "run" || kind === "train") && Number.isInteger(step);
  return isRow ? row as MetricsRow : undefined;
}

/** Returns the last evaluation at a step; undefined where none was made. @throws as readMetrics does */
export function evaluationAt(path: string, step: number): EvalRow | undefined {
  return readMetrics(path).findLast((row): row is EvalRow =>
    row.kind === "eval" && row.step === step
  );
}
