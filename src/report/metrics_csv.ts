/** `metrics`: metrics.jsonl as one CSV table for spreadsheets and data frames. */

import { counted } from "../base/counted.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { print, printLine, showLine } from "../base/output.ts";
import type { MetricsRow } from "../run/metrics.ts";
import { readCommand } from "../options/commands/registry.ts";
import { METRICS } from "../options/commands/report.ts";
import { runPathOf } from "../run/folder.ts";
import { readRun, writeResult } from "./run_data.ts";

/** Returns rows as CSV (RFC 4180, with "\n" as line end). */
export function csvOf(rows: readonly MetricsRow[]): string {
  const flat = rows.map((row) => {
    const { details = {}, held_out = {}, ...rest } = row as unknown as Record<string, unknown>;
    const named = Object.entries({ held_out, details }).flatMap(([group, values]) =>
      Object.entries(values as Record<string, unknown>)
        .map(([name, value]) => [`${group}.${name}`, value])
    );
    return { ...rest, ...Object.fromEntries(named) } as Record<string, unknown>;
  });
  const columns = [...new Set(["kind", "step", "epoch", ...flat.flatMap(Object.keys)])];
  const lines = flat.map((row) => columns.map((name) => cell(row[name])).join(","));
  return [columns.map(cell).join(","), ...lines].join("\n") + "\n";
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Writes a run's rows to `--out` or stdout.
 *
 * @returns the exit code
 * @throws UserError for wrong options, for a folder without a run, and for a file that cannot be written
 */
export function main(args: readonly string[]): ExitCode {
  const { runDir, out } = readCommand(METRICS, args).own;
  const run = readRun(runPathOf(runDir));
  run.problems.forEach(showLine);
  if (out === null) print(csvOf(run.rows));
  else {
    writeResult(out, csvOf(run.rows));
    printLine(`Wrote ${counted(run.rows.length, "row")} to ${out}`);
  }
  return ExitCode.ok;
}
