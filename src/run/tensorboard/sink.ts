/**
 * A run's metrics for TensorBoard: `tensorboard --logdir=<run_dir>`. Nothing is sent anywhere.
 *
 * Each start of the program writes a file of its own. It begins with an event that takes back, as TensorBoard reads the
 * files, the steps that the start does again; metrics.jsonl stays the record.
 *
 * @module
 */

import { hostname } from "node:os";
import { join } from "node:path";
import { writeAll } from "../../base/atomic_file.ts";
import type { MetricsRow, MetricsSink } from "../metrics.ts";
import { type EventContent, recordOf } from "./event_file.ts";
import { wordsFor } from "../../base/expected.ts";

/** Data that a run shows beside its metrics. */
export interface TensorBoardOptions {
  /** The first step of this start. */
  firstStep: number;
  /** The rows that the run continues from. */
  kept: readonly MetricsRow[];
  /** Options by name, with where each came from. */
  options: readonly { name: string; value: string; origin: string }[];
  /** The file of the views' contact sheet; undefined where there is none. */
  sheet: string | undefined;
  /** Hears once of what cannot be written. */
  warn(line: string): void;
}

const FILE = /^events\.out\.tfevents\.(\d+)\./;

/**
 * Writes rows as scalars. What cannot be written, as on a full disk, is said once and ends no run.
 */
export class TensorBoardSink implements MetricsSink {
  /** The file of this start. */
  readonly path: string;
  readonly #warn: (line: string) => void;
  #file: Deno.FsFile | undefined;

  /** @param folder the run's folder */
  constructor(folder: string, options: TensorBoardOptions) {
    this.#warn = options.warn;
    const earlier = timesOfFiles(folder);
    // Files are read in the order of their names.
    const time = Math.max(Math.floor(Date.now() / 1000), 1 + Math.max(0, ...earlier));
    this.path = join(folder, `events.out.tfevents.${time}.${hostname()}.${Deno.pid}`);
    this.#attempt(() => {
      this.#file = Deno.openSync(this.path, { append: true, create: true });
    });
    const { firstStep, kept } = options;
    // metrics.jsonl may have dropped the row of the step before: an unbroken run does not log it (truncateAfter).
    const from = earlier.length === 0 ? 0 : Math.max(0, firstStep - 1);
    this.#add(from, { kind: "version" });
    this.#add(from, { kind: "start" });
    if (from === 0) {
      this.#add(0, { kind: "text", tag: "options/text_summary", text: tableOf(options.options) });
      this.#addSheet(options.sheet);
    }
    for (const row of kept) if (row.step >= from) this.write(row);
  }

  /** Writes the numbers of a row. */
  write(row: MetricsRow): void {
    const values = scalarsOf(row);
    if (Object.keys(values).length > 0) this.#add(row.step, { kind: "scalars", values });
  }

  /** Waits until all events are on the disk. */
  flush(): void {
    this.#attempt(() => this.#file?.syncDataSync());
  }

  /** Closes the file. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #add(step: number, content: EventContent): void {
    const { path } = this;
    this.#attempt(() => {
      if (this.#file === undefined) return;
      writeAll(this.#file, recordOf({ time: Date.now() / 1000, step, content }));
    }, path);
  }

  #addSheet(path: string | undefined): void {
    if (path === undefined) return;
    this.#attempt(() => {
      const png = Deno.readFileSync(path);
      this.#add(0, { kind: "image", tag: "views", png });
    }, path);
  }

  #attempt(action: () => void, path = this.path): void {
    try {
      action();
    } catch (error) {
      this.#warn(
        `Cannot write ${path} for TensorBoard: ${wordsFor(error)}; ` +
          "the run continues without, and metrics.jsonl has all of it",
      );
      this.close();
    }
  }
}

function timesOfFiles(folder: string): number[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const time = FILE.exec(name)?.[1];
    return time === undefined ? [] : [Number(time)];
  });
}

/** A row's numbers by tag: `train/loss`, `eval/top1`. */
function scalarsOf({ kind, step: _step, ...row }: MetricsRow): Record<string, number> {
  if (kind === "run") return {};
  const { details = {}, ...numbers } = row as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries({ ...numbers, ...details as Record<string, unknown> }).flatMap((
      [name, value],
    ) => typeof value === "number" ? [[`${kind}/${name}`, value]] : []),
  );
}

function tableOf(options: TensorBoardOptions["options"]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = options.map(({ name, value, origin }) =>
    `| --${name} | ${cell(value)} | ${cell(origin)} |`
  );
  return ["| option | value | from |", "| --- | --- | --- |", ...rows].join("\n");
}
