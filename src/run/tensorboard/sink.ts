/**
 * Sink that writes a run's metrics as local files for TensorBoard: `tensorboard --logdir=<run_dir>`.
 *
 * Each invocation writes a file of its own. The file begins with an event that makes TensorBoard discard the steps that
 * the invocation repeats. metrics.jsonl remains the record of the run.
 *
 * @module
 */

import { hostname } from "node:os";
import { join } from "node:path";
import { writeAll } from "../../base/atomic_file.ts";
import type { MetricsRow, MetricsSink } from "../metrics.ts";
import { type EventContent, recordOf } from "./event_file.ts";
import { wordsFor } from "../../base/expected.ts";

/** Options of TensorBoardSink. */
export interface TensorBoardOptions {
  /** The first step of this invocation. */
  firstStep: number;
  /** The rows of earlier invocations that were kept. */
  kept: readonly MetricsRow[];
  /** Options of the run by name, with the origin of each. */
  options: readonly { name: string; value: string; origin: string }[];
  /** Path of the views' contact sheet; undefined where there is none. */
  sheet: string | undefined;
  /** Shows a warning at the first failure to write. */
  warn(line: string): void;
}

const FILE = /^events\.out\.tfevents\.(\d+)\./;

/**
 * Sink that writes rows as scalars. A failure to write, as on a full disk, is warned of once and does not end the run.
 */
export class TensorBoardSink implements MetricsSink {
  /** Path of this invocation's file. */
  readonly path: string;
  readonly #warn: (line: string) => void;
  #file: Deno.FsFile | undefined;

  /** @param folder the run's folder */
  constructor(folder: string, options: TensorBoardOptions) {
    this.#warn = options.warn;
    const earlier = timesOfFiles(folder);
    // TensorBoard reads files in the order of their names.
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
          "the run continues without this file, and metrics.jsonl holds all metrics",
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

/** Returns a row's numbers by tag, such as `train/loss`, `eval/top1` and `eval/held_out/top1`. */
function scalarsOf({ kind, step: _step, ...row }: MetricsRow): Record<string, number> {
  if (kind === "run") return {};
  const { details = {}, held_out = {}, ...numbers } = row as Record<string, unknown>;
  const heldOut = Object.entries(held_out as Record<string, unknown>)
    .map(([name, value]) => [`held_out/${name}`, value] as const);
  const all = { ...numbers, ...details as Record<string, unknown>, ...Object.fromEntries(heldOut) };
  return Object.fromEntries(
    Object.entries(all).flatMap((
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
