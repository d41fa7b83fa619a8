/** The output of a replay: tables in its folder, and a text or JSON on stdout. */

import { join } from "node:path";
import { replaceFile } from "../../base/atomic_file.ts";
import { counted } from "../../base/counted.ts";
import { printLine } from "../../base/output.ts";
import type { BatchStatistics, LayerNorms, NotFinite, Range } from "../../run/trace_look.ts";
import type { Compared } from "./exactness.ts";
import type { ReplaySource } from "./source.ts";
import type { Replayed } from "./steps.ts";

/** A replayed step. */
export interface Replay extends Replayed {
  source: ReplaySource;
  /** Reasons why the replay is not exact; none where it is. */
  reasons: string[];
  compared: Compared;
  /** Path of the contact sheet. */
  sheet: string;
}

/** Writes layers.csv, batch_statistics.csv and replay.json. @throws the error of Deno where one cannot be written */
export function writeTables(out: string, replay: Replay): void {
  const { norms, statistics } = replay.look;
  replaceFile(join(out, "layers.csv"), csv(LAYER_COLUMNS, norms.map(layerCells)));
  const rows = statistics.map(({ layer, mean, deviation }) => [layer, ...mean, ...deviation]);
  replaceFile(join(out, "batch_statistics.csv"), csv(STATISTICS_COLUMNS, rows));
  replaceFile(join(out, "replay.json"), `${jsonOf(replay)}\n`);
}

const LAYER_COLUMNS = ["layer", "weights", "gradients", "updates", "updates_per_weights"];
const STATISTICS_COLUMNS = [
  ...["layer", "mean_least", "mean_most", "deviation_least", "deviation_most"],
];

function layerCells({ layer, weights, gradients, updates }: LayerNorms): (string | number)[] {
  return [layer, weights, gradients, updates, updates / weights];
}

function csv(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [columns, ...rows].map((cells) => `${cells.join(",")}\n`).join("");
}

/** Prints a replay on stdout. */
export function printReplay(replay: Replay, format: "text" | "json"): void {
  printLine(format === "json" ? jsonOf(replay) : textOf(replay));
}

/** Returns a replay as JSON; numbers that are not finite are strings. */
function jsonOf({ source, look, rows, ...replay }: Replay): string {
  const { folder, step: asked, firstStep, from } = source;
  const result = {
    run_dir: folder.path,
    asked,
    step: replay.step,
    first_step: firstStep,
    checkpoint: from?.path ?? null,
    exact: isExact(replay),
    not_exact_because: replay.reasons,
    compared: replay.compared,
    loss: replay.loss,
    row: rows.find(({ step }) => step === replay.step) ?? null,
    first_not_finite: look.notFinite ?? null,
    not_finite_tensors: look.notFiniteTensors,
    trace: replay.trace,
    views: replay.sheet,
    layers: look.norms,
    batch_statistics: look.statistics,
  };
  return JSON.stringify(
    result,
    (_, value) => typeof value === "number" && !Number.isFinite(value) ? `${value}` : value,
    2,
  );
}

function isExact({ reasons, compared }: Pick<Replay, "reasons" | "compared">): boolean {
  return reasons.length === 0 && compared.firstDifferent === undefined;
}

function textOf(replay: Replay): string {
  const { source, look, step, trace, sheet } = replay;
  const early = step === source.step ? [] : [
    `Step ${source.step} was asked for; step ${step} is the first one with numbers that are not finite`,
  ];
  return [
    ...layerTable(look.norms),
    "",
    ...statisticsTable(look.statistics),
    "",
    ...early,
    exactnessText(replay),
    comparedText(replay.compared),
    notFiniteText(look.notFinite, { step, tensors: look.notFiniteTensors }),
    `Trace ${trace}, views ${sheet}, tables beside them`,
  ].join("\n");
}

function exactnessText({ reasons, compared }: Replay): string {
  if (isExact({ reasons, compared })) {
    return "Exact: the same threads, ranks, processor and libraries as in the run give the same bits";
  }
  const all = [...reasons, ...compared.firstDifferent === undefined ? [] : ["its rows differ"]];
  return `Not exact: ${all.join("; ")}`;
}

function comparedText({ steps, firstDifferent }: Compared): string {
  if (steps === 0) return "The run has logged none of the replayed steps";
  if (firstDifferent === undefined) {
    return `Compared with ${counted(steps, "row")} of metrics.jsonl: all equal bit for bit`;
  }
  const { step, key, run, replay } = firstDifferent;
  return `Compared with ${counted(steps, "row")} of metrics.jsonl: step ${step} differs first, ` +
    `${key} ${run} in the run and ${replay} here`;
}

function notFiniteText(
  first: NotFinite | undefined,
  { step, tensors }: { step: number; tensors: number },
): string {
  if (first === undefined) return `All tensors of step ${step} are finite`;
  const more = tensors === 1 ? "" : `; ${counted(tensors - 1, "other tensor")} follow`;
  return `First tensor that is not finite, at step ${step}: ${first.tensor} (${first.what}), ` +
    `${first.bad} of ${counted(first.count, "value")}${more}`;
}

function layerTable(norms: readonly LayerNorms[]): string[] {
  return table(
    ["norms of layers", "weights", "gradients", "updates", "updates/weights"],
    norms.map((norm) => layerCells(norm).map(cell)),
  );
}

function statisticsTable(statistics: readonly BatchStatistics[]): string[] {
  const range = ([least, most]: Range): string => `${cell(least)} to ${cell(most)}`;
  return table(
    ["batch statistics over channels", "mean", "standard deviation"],
    statistics.map(({ layer, mean, deviation }) => [layer, range(mean), range(deviation)]),
  );
}

function cell(value: string | number): string {
  return typeof value === "string" ? value : value.toPrecision(4);
}

/** Returns the lines of a table: the first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...lines.map((cells) => cells[at]!.length)));
  return lines.map((cells) =>
    cells.map((text, at) => at === 0 ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))
      .join("  ")
  );
}
