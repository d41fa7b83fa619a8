/** `metrics`: metrics.jsonl as one table for spreadsheets and data frames. */

import { ExitCode, runMain } from "../base/exit_codes.ts";
import type { MetricsRow } from "../run/metrics.ts";
import { readArguments, readRun, required, writeResult } from "./run_data.ts";

const HELP = `Writes a run's rows as CSV: one line a row, one column for each name that occurs.

  deno task metrics --run_dir=runs/demo_resnet20 --out=metrics.csv
  deno task metrics --run_dir=runs/demo_resnet20                     # to stdout

An evaluation's details are columns of their own, such as details.held_out_top1; lists are JSON.`;

/** The rows as CSV (RFC 4180, but for line ends of one character). */
export function csvOf(rows: readonly MetricsRow[]): string {
  const flat = rows.map((row) => {
    const { details = {}, ...rest } = row as unknown as Record<string, unknown>;
    const named = Object.entries(details as Record<string, unknown>)
      .map(([name, value]) => [`details.${name}`, value]);
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

function main(args: string[]): ExitCode {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return ExitCode.ok;
  }
  const command = "metrics";
  const given = readArguments(args, { command, names: ["run_dir", "out"] });
  const run = readRun(required(given, "run_dir", command));
  run.problems.forEach((line) => console.error(line));
  const path = given.out?.at(-1);
  if (path === undefined) Deno.stdout.writeSync(new TextEncoder().encode(csvOf(run.rows)));
  else {
    writeResult(path, csvOf(run.rows));
    console.log(`Wrote ${run.rows.length} rows to ${path}`);
  }
  return ExitCode.ok;
}

if (import.meta.main) await runMain(main);
