/** The comparison of two groups of runs as lines of a table, for the terminal and for a report. */

import { isExpected } from "../base/expected.ts";
import { signedText } from "../run/accuracy_text.ts";
import {
  type AccuracyName,
  compared,
  COMPARED_ACCURACIES,
  type ComparedRun,
  type Comparison,
} from "./comparison.ts";
import { note, section, table } from "./page.ts";
import { WANTED_POINTS } from "./paired.ts";

/** Returns the rows of a comparison: head first, then a line for each statistic. */
export function comparisonRows(
  { seeds, accuracies, tested, tested_on: set }: Comparison,
): string[][] {
  const names = Object.keys(COMPARED_ACCURACIES) as AccuracyName[];
  const row = (
    what: string,
    cell: (accuracy: Comparison["accuracies"][AccuracyName]) => string,
  ): string[] => [what, ...names.map((name) => cell(accuracies[name]))];
  const leastP = 2 ** (1 - seeds.length);
  return [
    [`${seeds.length} pairs of seeds, in %`, ...Object.values(COMPARED_ACCURACIES)],
    row("mean of A", ({ meanOfA }) => meanOfA.toFixed(2)),
    row("mean of B", ({ meanOfB }) => meanOfB.toFixed(2)),
    row("B − A in points", ({ mean }) => signedText(mean)),
    row(
      "95 % t interval of B − A",
      ({ interval: [low, high] }) => `${signedText(low)} to ${signedText(high)}`,
    ),
    row("std of B − A over the pairs", ({ deviation }) => deviation.toFixed(2)),
    row(
      `p of the sign-flip test (least possible: ${shortP(leastP)})`,
      ({ p }) => p === null ? "not enumerated" : shortP(p),
    ),
    row(
      tested === null
        ? "noise of the images"
        : `noise of the ${tested.toLocaleString("en")} ${set} images`,
      ({ testNoise }) => testNoise === null ? "–" : `± ${testNoise.toFixed(2)}`,
    ),
    row(
      `further pairs to tell ${WANTED_POINTS} points`,
      ({ pairsNeeded, pairs }) =>
        pairsNeeded === null ? "very many" : String(Math.max(0, pairsNeeded - pairs)),
    ),
  ];
}

/** Returns the section of a report, or of the live page, on two groups; "" where the runs are not two groups that can be compared. */
export function comparisonSection(groups: readonly (readonly ComparedRun[])[]): string {
  const [a, b] = groups;
  if (groups.length !== 2 || a === undefined || b === undefined) return "";
  try {
    const found = compared(a, b);
    const [head = [], ...rows] = comparisonRows(found);
    return section(
      "Comparison, paired by seed",
      note(`A: ${a[0]!.name} and its like. B: ${b[0]!.name} and its like. ${found.differences}.`),
      table(head, rows, { numbers: [1, 2], own: [2] }),
    );
  } catch (error) {
    // A report of single runs, or of runs without common seeds, has no comparison.
    if (!isExpected(error)) throw error;
    return "";
  }
}

function shortP(p: number): string {
  return String(Number(p.toPrecision(2)));
}
