/**
 * Groups of runs. The runs of a group are equal in every option and input that changes a result, but for the seed.
 * Accuracies are averaged within a group only.
 *
 * @module
 */

import type { RunConfig } from "../options/config.ts";
import { normalisedValues } from "../options/rules.ts";
import type { EvalRow } from "./metrics.ts";
import { differencesOf, FIXED, type RunRecord } from "./record.ts";

/** A run with the facts that decide its group. */
export interface EvaluatedRun {
  /** config.json; null where it is missing or cannot be read. */
  record: RunRecord | null;
  /** All evaluations, in order. */
  evaluations: readonly EvalRow[];
}

/** Options that decide a result, without the seed. Of a budget, the epochs that it has chosen count. */
const COMPARED: readonly (keyof RunConfig)[] = FIXED.filter((field) =>
  field !== "seed" && field !== "timeBudget"
);

/**
 * Returns the runs in groups, in the order of each group's first run. The last evaluations of a group are of the same
 * step and of equally many test images. A run without config.json is a group of its own.
 */
export function groupsOf<Run extends EvaluatedRun>(runs: readonly Run[]): Run[][] {
  const groups = new Map<unknown, Run[]>();
  for (const run of runs) {
    const key = run.record === null ? run : keyOf(run.record, run.evaluations.at(-1));
    groups.set(key, [...groups.get(key) ?? [], run]);
  }
  return [...groups.values()];
}

/** Returns true for several runs of a group, each evaluated and with a seed of its own: their mean means something. */
export function haveMean(group: readonly EvaluatedRun[]): boolean {
  const seeds = new Set(group.map(({ record }) => record?.config.seed));
  return group.length > 1 && seeds.size === group.length &&
    group.every(({ evaluations }) => evaluations.length > 0);
}

/**
 * Returns the difference between two runs that stand in different groups, in words: the options that differ, or the
 * other inputs.
 */
export function differenceBetween(
  one: EvaluatedRun,
  other: EvaluatedRun,
  { sides }: { sides?: readonly [string, string] } = {},
): string {
  if (one.record === null || other.record === null) return "config.json is missing";
  const options = differencesOf(one.record.config, other.record.config, {
    fields: COMPARED,
    sides,
  });
  return options.length > 0
    ? options.join("; ")
    : "other images, augmentations, initial weights, or another step or test set of the evaluation";
}

function keyOf(
  { config, augmentation, data, initialWeights }: RunRecord,
  last: EvalRow | undefined,
): string {
  return JSON.stringify([
    COMPARED.map((field) => config[field] ?? null),
    normalisedValues(config),
    augmentation,
    [data.digest, data.testDigest ?? null, initialWeights?.sha256 ?? null],
    [last?.step ?? null, last?.tested ?? null, last?.held_out?.tested ?? null],
  ]);
}
