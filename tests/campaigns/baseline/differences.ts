/** Differences between two sets of values, and their table. */

import type { Values } from "./trainings.ts";

/** A value that is not what it was. */
export interface Difference {
  name: string;
  /** The first place within the value that differs, with both sides. */
  about: string;
  /** True where the caller expects the difference. */
  planned: boolean;
}

/** Finds the values that differ; those whose names begin with one of `planned` are marked. */
export function differencesBetween(
  before: Values,
  after: Values,
  planned: readonly string[] = [],
): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const about = firstDifference(before[name], after[name]);
    if (about === undefined) return [];
    return [{ name, about, planned: planned.some((start) => name.startsWith(start)) }];
  });
}

/** Describes the first difference of two JSON values, by its path; undefined where they are equal. */
function firstDifference(before: unknown, after: unknown, path = ""): string | undefined {
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const found = firstDifference(before[key], after[key], path === "" ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (Object.is(before, after)) return undefined;
  const shown = (value: unknown): string => {
    const text = value === undefined ? "none" : JSON.stringify(value);
    return text.length > 160 ? `${text.slice(0, 160)}…` : text;
  };
  return `${path === "" ? "" : `${path}: `}${shown(before)} before, ${shown(after)} now`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Renders a row for each group of values, then one for each difference. */
export function differencesTable(differences: readonly Difference[], values: Values): string {
  const groupOf = (name: string): string =>
    name.startsWith("option --") ? "options" : name.replace(/: .*/, "");
  const counts = new Map<string, { values: number; different: number }>();
  const countOf = (name: string): { values: number; different: number } => {
    const group = groupOf(name);
    const count = counts.get(group) ?? { values: 0, different: 0 };
    counts.set(group, count);
    return count;
  };
  for (const name of Object.keys(values)) countOf(name).values++;
  for (const { name } of differences) countOf(name).different++;
  const lines = [...counts].map(([group, { values, different }]) =>
    `| ${group.padEnd(34)} | ${String(values).padStart(6)} | ${
      different === 0 ? "equal" : `${different} different`
    }`
  );
  const found = differences.map(({ name, about, planned }) =>
    `${planned ? "planned" : "DIFFERENT"}  ${name}: ${about}`
  );
  return [...lines, "", ...found, `${differences.length} differences`].join("\n");
}
