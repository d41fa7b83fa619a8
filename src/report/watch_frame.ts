/** One frame of `watch`: the state of a run as lines of text. */

import { evaluationText } from "../run/terminal_sink.ts";
import { CollapseWatch } from "../byol/divergence.ts";
import type { RunRow } from "../run/metrics.ts";
import { readOwner } from "../base/lock_folder.ts";
import { durationText } from "../base/terminal.ts";
import { alarmsOn, silentSeconds, speedOf } from "./alarms.ts";
import { chanceOf, fileOf, type RunData } from "./run_data.ts";

/** Size and time of a frame. */
export interface FrameOptions {
  columns: number;
  /** Milliseconds since 1970. */
  now: number;
}

/** One frame. */
export interface Frame {
  text: string;
  /** True where the run is finished, and later frames would be the same. */
  isFinished: boolean;
}

/** Values at the foot and at the top of a sparkline, and a note on them. */
interface Scale {
  from: number;
  to: number;
  note: string;
}

/** A curve of a frame. */
interface WatchedCurve {
  /** Key in the rows of metrics. */
  name: string;
  shown: string;
  /** Returns the scale of the sparkline; by default it reaches from the least to the largest value. */
  scaleOf?: (run: RunData) => Scale | undefined;
}

const CURVES: readonly WatchedCurve[] = [
  { name: "loss", shown: "loss" },
  { name: "embedding_std", shown: "embedding std", scaleOf: spreadScale },
  { name: "effective_rank", shown: "effective rank" },
  { name: "probe_top1", shown: "online probe top-1", scaleOf: probeScale },
  { name: "rotation_top1", shown: "rotations top-1" },
  { name: "learning_rate", shown: "learning rate" },
  { name: "tau", shown: "tau" },
  { name: "gradient_norm", shown: "gradient norm" },
  { name: "images_per_second", shown: "images/s" },
];
const NAME_WIDTH = Math.max(...CURVES.map(({ shown }) => shown.length));
const VALUE_WIDTH = 10;
/** Width of the longest note on a scale, such as `0 to 0.0625, 1/√z_dim`. */
const NOTE_WIDTH = 22;
const BLOCKS = "▁▂▃▄▅▆▇█";
const BAR = 30;

/** Returns the frame of a run. */
export function frameOf(run: RunData, { columns, now }: FrameOptions): Frame {
  const { train, evaluations, result } = run;
  const last = train.at(-1);
  const start = run.rows.findLast((row): row is RunRow => row.kind === "run");
  const done = result?.step ?? (last === undefined ? start?.step ?? 0 : last.step + 1);
  const end = result?.step ?? numberOr(start?.end_step);
  const owner = result === undefined ? readOwnerOf(run) : undefined;
  const isFinished = result !== undefined && owner === undefined;
  const state = isFinished ? "finished" : owner ?? "not running: the same command resumes it";
  const lines = [`${run.name} · ${state}`, progressLine(done, end, { run, isFinished })];
  if (last !== undefined) {
    const epochs = run.record?.config.epochs;
    lines.push(`epoch ${last.epoch}${epochs === undefined ? "" : ` of ${epochs}`}`, "");
    const width = Math.max(10, columns - NAME_WIDTH - VALUE_WIDTH - NOTE_WIDTH - 4);
    lines.push(...CURVES.flatMap((curve) => curveLine(curve, run, width)), "");
  } else lines.push("no step is logged yet", "");
  const evaluation = evaluations.at(-1);
  lines.push(
    evaluation === undefined
      ? "no evaluation yet"
      : `last evaluation, ${evaluationText(evaluation)}`,
  );
  const alarms = alarmsOf(run, { now, isRunning: owner !== undefined });
  for (const alarm of alarms) lines.push(`! ${alarm}`);
  if (alarms.length === 0) lines.push("no alarms");
  return { text: lines.join("\n"), isFinished };
}

function progressLine(
  done: number,
  end: number | undefined,
  { run, isFinished }: { run: RunData; isFinished: boolean },
): string {
  if (end === undefined) return `step ${done}`;
  const share = end === 0 ? 1 : Math.min(1, done / end);
  const full = Math.floor(share * BAR);
  const bar = `${"█".repeat(full)}${"░".repeat(BAR - full)}`;
  const speed = speedOf(run.train);
  const batch = run.record?.config.batchSize;
  const left = isFinished || speed === undefined || batch === undefined
    ? ""
    : ` · ${durationText((end - done) * batch / speed)} left of training`;
  return `${bar} ${Math.floor(100 * share)} % · step ${done} of ${end}${left}`;
}

/** Returns the line of a curve; none where no row has its value. */
function curveLine({ name, shown, scaleOf }: WatchedCurve, run: RunData, width: number): string[] {
  const values = run.train.map((row) => (row as unknown as Record<string, number>)[name] ?? NaN);
  const last = values.findLast(Number.isFinite);
  if (values.length === 0 || values.every(Number.isNaN)) return [];
  const scale = scaleOf?.(run);
  const line = [
    shown.padEnd(NAME_WIDTH),
    sparkline(values, width, scale).padEnd(width),
    (last?.toPrecision(4) ?? "-").padStart(VALUE_WIDTH),
    ...scale === undefined ? [] : [` ${scale.note}`],
  ];
  return [line.join(" ")];
}

/** Returns the scale of the embeddings' spread: from 0, collapse, to the spread over the whole sphere. */
function spreadScale({ record }: RunData): Scale | undefined {
  if (record === null) return undefined;
  const to = 1 / Math.sqrt(record.config.zDim);
  return { from: 0, to, note: `0 to ${to.toPrecision(3)}, 1/√z_dim` };
}

/** Returns the scale of the online probe's accuracy: from 0 to 100 %, with chance. */
function probeScale(run: RunData): Scale | undefined {
  const chance = chanceOf(run);
  const note = chance === undefined ? "0 to 100 %" : `0 to 100 %, chance ${chance}`;
  return { from: 0, to: 100, note };
}

/**
 * Returns values as a line of blocks; of too many values, blocks show means.
 *
 * @param scale the values of the lowest and the highest block, by default the least and the largest mean
 */
export function sparkline(
  values: readonly number[],
  width: number,
  scale?: { from: number; to: number },
): string {
  const size = Math.max(1, values.length / width);
  const means: number[] = [];
  for (let from = 0; Math.round(from) < values.length; from += size) {
    const to = Math.max(Math.round(from) + 1, Math.round(from + size));
    const some = values.slice(Math.round(from), to).filter(Number.isFinite);
    means.push(some.length === 0 ? NaN : some.reduce((sum, one) => sum + one, 0) / some.length);
  }
  const finite = means.filter(Number.isFinite);
  const least = scale?.from ?? Math.min(...finite);
  const most = scale?.to ?? Math.max(...finite);
  return means.slice(0, width).map((mean) => {
    if (!Number.isFinite(mean)) return "×";
    const share = most > least ? (mean - least) / (most - least) : 0.5;
    return BLOCKS[Math.max(0, Math.min(BLOCKS.length - 1, Math.floor(share * BLOCKS.length)))];
  }).join("");
}

function alarmsOf(
  run: RunData,
  { now, isRunning }: { now: number; isRunning: boolean },
): string[] {
  const { train, record, folder, problems } = run;
  const watch = record === null ? undefined : new CollapseWatch(record.config);
  const written = Deno.statSync(folder.metricsFile).mtime?.getTime();
  return alarmsOn({
    folder,
    problems,
    collapse: train.map((row) => watch?.see(row)).findLast((text) => text !== undefined),
    bad: train.findLast((row) => !Number.isFinite(row.loss)),
    start: run.rows.findLast((row): row is RunRow => row.kind === "run"),
    silent: isRunning
      ? silentSeconds(train, { batch: record?.config.batchSize, written, now })
      : undefined,
  });
}

/** Returns a text on the holder of the run's lock; undefined where nobody holds it. */
function readOwnerOf(run: RunData): string | undefined {
  const record = readOwner(fileOf(run, "lock"))?.record;
  if (record === undefined) return undefined;
  const { host, pid, since, job } = record;
  const where = typeof job === "string" ? `job ${job}` : `process ${pid}`;
  return host === undefined
    ? "locked by an unknown process"
    : `lock held on ${host} by ${where} since ${since}`;
}

function numberOr(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
