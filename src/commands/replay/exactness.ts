/** Comparison of a replay with the run: reasons why its numbers may differ, and the logged steps that do. */

import { isDeepStrictEqual } from "node:util";
import type { TrainRow } from "../../byol/train_row.ts";
import type { RunRow } from "../../run/metrics.ts";
import { type Fingerprint, fingerprintText } from "../../runtime/fingerprint.ts";
import type { ReplaySource } from "./source.ts";

/** Keys of a row that tell of time and not of the step. */
const OF_TIME = new Set(["images_per_second"]);

/**
 * Returns the reasons why a replay is not exact; none where its numbers equal the run's bit for bit.
 *
 * @param here.fingerprint fingerprint of this process
 * @param here.core hash of the sources of this process's Rust core
 */
export function inexactReasons(
  { config, record, invocations }: ReplaySource,
  here: { fingerprint: Fingerprint; core: string },
): string[] {
  const reasons = invocations.flatMap((row) => {
    const there = fingerprintOf(row, record);
    const core = typeof row.core === "string" ? row.core : record.versions.core;
    const text = fingerprintText(there);
    return [
      ...text === fingerprintText(here.fingerprint) ? [] : [
        `the run was computed with ${text}, the replay with ${fingerprintText(here.fingerprint)}`,
      ],
      ...core === here.core ? [] : [
        `the run was computed with the core ${core.slice(0, 12)}, the replay with ${
          here.core.slice(0, 12)
        }`,
      ],
    ];
  });
  if (config.hardware !== "cpu" && !config.deterministic) {
    reasons.push("a GPU sums in no fixed order without --deterministic");
  }
  return [...new Set(reasons)];
}

/** Returns the fingerprint of an invocation; those of earlier versions lack the processor of a resume. */
function fingerprintOf(row: RunRow, record: ReplaySource["record"]): Fingerprint {
  if (typeof row.computer === "object" && row.computer !== null) return row.computer as Fingerprint;
  const { threads = record.config.threads, ranks = record.config.ranks } = row as {
    threads?: number;
    ranks?: number;
  };
  return {
    processor: record.machine,
    ...{ threads, ranks, libtorch: record.versions.libtorch },
    parts: record.config.accumulateSteps,
  };
}

/** Comparison of replayed steps with the rows of metrics.jsonl. */
export interface Compared {
  /** Number of steps that both have. */
  steps: number;
  /** The first of them with another number; undefined where all are equal bit for bit. */
  firstDifferent: { step: number; key: string; run: unknown; replay: unknown } | undefined;
}

/** Compares replayed steps with those that the run has logged. */
export function compareRows(run: readonly TrainRow[], replay: readonly TrainRow[]): Compared {
  const replayed = new Map(replay.map((row) => [row.step, row]));
  const both = run.flatMap((row) => {
    const other = replayed.get(row.step);
    return other === undefined ? [] : [[row, other] as const];
  });
  for (const [row, other] of both) {
    const numbers = new Map(Object.entries(other));
    for (const [key, there] of Object.entries(row)) {
      const value = numbers.get(key);
      // A row of an earlier version may have other keys.
      if (OF_TIME.has(key) || value === undefined || isDeepStrictEqual(there, value)) continue;
      const firstDifferent = { step: row.step, key, run: there, replay: value };
      return { steps: both.length, firstDifferent };
    }
  }
  return { steps: both.length, firstDifferent: undefined };
}
