/** `compare`: two recipes over several seeds each, with an interval and an exact test. */

import type { Values } from "../base/command_line.ts";
import { ExitCode, usageError } from "../base/exit_codes.ts";
import { printLine, showLine } from "../base/output.ts";
import { COMPARE } from "../options/commands/compare.ts";
import { readCommand } from "../options/commands/registry.ts";
import { titleOf } from "./evaluation_section.ts";
import { compared, type Comparison } from "./comparison.ts";
import { comparisonRows } from "./comparison_section.ts";
import type { RunData } from "./run_data.ts";
import { runsIn } from "./runs_in.ts";

/**
 * Prints the comparison of two folders of runs.
 *
 * @returns the exit code
 * @throws UserError for wrong options, for folders without runs, and for runs that are no two groups
 */
export function main(args: readonly string[]): ExitCode {
  const { runDirs, format }: Values<typeof COMPARE.options> = readCommand(COMPARE, args).own;
  const [pathOfA, pathOfB, ...more] = runDirs;
  if (pathOfA === undefined || pathOfB === undefined || more.length > 0) {
    const given = runDirs.length === 1 ? "1 folder" : `${runDirs.length} folders`;
    throw usageError(`Cannot compare ${given}: expected two, deno task compare A B`);
  }
  const problems: string[] = [];
  const [a, b] = [runsIn(pathOfA, problems), runsIn(pathOfB, problems)];
  problems.forEach(showLine);
  const found = compared(a, b);
  if (format === "json") printLine(JSON.stringify({ a: pathOfA, b: pathOfB, ...found }));
  else printLine(textOf(found, { a, b, pathOfA, pathOfB }));
  return ExitCode.ok;
}

function textOf(
  found: Comparison,
  { a, b, pathOfA, pathOfB }: {
    a: readonly RunData[];
    b: readonly RunData[];
    pathOfA: string;
    pathOfB: string;
  },
): string {
  const { unpaired } = found;
  const left = [
    ...unpaired.a.map((seed) => `${seed} of A`),
    ...unpaired.b.map((seed) => `${seed} of B`),
  ];
  const rows = comparisonRows(found);
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
    ).join("   ")
  );
  return [
    `A  ${pathOfA}: ${titleOf(a)}`,
    `B  ${pathOfB}: ${titleOf(b)}`,
    `They differ in ${found.differences}`,
    ...left.length === 0 ? [] : [`Left out, without a partner: seed ${left.join(", ")}`],
    "",
    ...lines,
  ].join("\n");
}
