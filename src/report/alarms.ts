/** Alarms on a run, and its pace: for the terminal (watch) and the live page (serve). */

import { join } from "node:path";
import { counted } from "../base/counted.ts";
import { readTextOfFile } from "../base/files.ts";
import { durationText } from "../base/terminal.ts";
import type { TrainRow } from "../byol/train_row.ts";
import type { RunFolder } from "../run/folder.ts";
import type { RunRow } from "../run/metrics.ts";

/** Number of last rows that the speed is computed from. */
export const RECENT = 20;
/** Number of usual intervals without a logged step after which a run counts as silent. */
const SILENT_INTERVALS = 10;
const LEAST_SILENT_SECONDS = 120;

/** Facts that give rise to alarms. */
export interface Watched {
  folder: RunFolder;
  /** A message for each missing or damaged file. */
  problems: readonly string[];
  /** Message on collapsed embeddings. */
  collapse: string | undefined;
  /** The last row whose loss is not finite. */
  bad: TrainRow | undefined;
  /** Row of the last invocation. */
  start: RunRow | undefined;
  /** Seconds of a silence that is too long, of a run that runs. */
  silent: number | undefined;
}

/** Returns a line for each alarm. */
export function alarmsOn(run: Watched): string[] {
  const alarms = [...run.problems];
  if (run.collapse !== undefined) alarms.push(run.collapse);
  if (run.bad !== undefined) alarms.push(`The loss was ${run.bad.loss} at step ${run.bad.step}`);
  if (Array.isArray(run.start?.warnings)) alarms.push(...run.start.warnings.map(String));
  const list = join(run.folder.path, "bad_files.json");
  const count = badFilesIn(list);
  if (count > 0) {
    alarms.push(`${counted(count, "image file")} cannot be used: ${list} lists them`);
  }
  if (run.silent !== undefined) {
    alarms.push(
      `Nothing was logged for ${durationText(run.silent)}: the run evaluates, waits, or hangs`,
    );
  }
  return alarms;
}

/** Returns the images per second: a median of the last rows, of which single ones may include a save. */
export function speedOf(train: readonly TrainRow[]): number | undefined {
  const recent = train.slice(-RECENT).map((row) => row.images_per_second)
    .filter((value) => value > 0).sort((a, b) => a - b);
  return recent[Math.floor(recent.length / 2)];
}

/**
 * Returns the seconds since the last row, where they exceed SILENT_INTERVALS; undefined otherwise.
 *
 * @param options.written time of the last change of metrics.jsonl, in milliseconds since 1970
 */
export function silentSeconds(
  train: readonly TrainRow[],
  { batch, written, now }: { batch: number | undefined; written: number | undefined; now: number },
): number | undefined {
  const [one, other] = train.slice(-2);
  const speed = speedOf(train);
  if (written === undefined || batch === undefined || !one || !other || !speed) return undefined;
  const interval = (other.step - one.step) * batch / speed;
  const seconds = (now - written) / 1000;
  return seconds > Math.max(LEAST_SILENT_SECONDS, SILENT_INTERVALS * interval)
    ? seconds
    : undefined;
}

function badFilesIn(path: string): number {
  try {
    return Object.values(JSON.parse(readTextOfFile(path))).flat().length;
  } catch {
    return 0;
  }
}
