/**
 * Hours and energy of a run over all its invocations: usage.json in its folder. A run that resumes drops rows of
 * metrics.jsonl, but no invocation: work that was lost was paid for.
 *
 * @module
 */

import { join } from "node:path";
import { readIfThere } from "../base/files.ts";
import type { RunFolder } from "./folder.ts";
import type { MetricsRow } from "./metrics.ts";

/** Use of the machine by one invocation. */
export interface InvocationUsage {
  /** Start of the program, in ISO 8601. */
  time: string;
  ranks: number;
  /** GPUs of all ranks; 0 on processors. */
  gpus: number;
  /** CPU cores of all ranks: those that Slurm gives the tasks, otherwise their threads. */
  cores: number;
  /** Seconds from the start of the program to the last time of writing. */
  seconds: number;
  /** Seconds to the end of the first step; absent without one. */
  first_step_seconds?: number;
  /** Seconds to the end of the last step; absent without one. */
  last_step_seconds?: number;
  /** Energy of the GPUs; absent where not every rank measures its own. */
  joules?: number;
  /** Normalised hours of the site for one GPU-hour; absent where the site names none. */
  hours_factor?: number;
  /** Grams of CO2e for one kWh; absent where neither user nor site names it. */
  grams_per_kwh?: number;
}

/** Contents of usage.json. */
export interface UsageRecord {
  invocations: InvocationUsage[];
  /** Seconds in steps that count, times ranks. */
  step_rank_seconds: number;
  /** True where earlier invocations are not among these; absent otherwise. */
  is_incomplete?: true;
}

/** Hours and energy of a run. Whatever was not measured is absent. */
export interface Usage {
  /** Number of invocations. */
  invocations: number;
  /** Seconds of all invocations. */
  granted_seconds: number;
  core_seconds: number;
  /** Absent for a run on processors. */
  gpu_seconds?: number;
  normalised_hours?: number;
  joules?: number;
  grams_co2e?: number;
  /** True where earlier invocations were not counted; absent otherwise. */
  is_incomplete?: true;
  /** Share of the granted time that went into steps which count, each weighted with the ranks. */
  goodput?: number;
}

/** Joules of a kilowatt-hour. */
export const JOULES_PER_KWH = 3_600_000;

/** Returns the path of usage.json. */
export function usageFile(folder: Pick<RunFolder, "path">): string {
  return join(folder.path, "usage.json");
}

/** Returns the record of a run; undefined where usage.json is missing or damaged. */
export function readUsage(folder: Pick<RunFolder, "path">): UsageRecord | undefined {
  try {
    const found: Partial<UsageRecord> | null = JSON.parse(readIfThere(usageFile(folder)) ?? "null");
    const { invocations, step_rank_seconds: steps } = found ?? {};
    const isWhole = Array.isArray(invocations) && invocations.every(isInvocation) &&
      isAmount(steps);
    return isWhole ? found as UsageRecord : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function isInvocation(one: unknown): boolean {
  const { time, ranks, gpus, cores, seconds } = (one ?? {}) as Partial<InvocationUsage>;
  return typeof time === "string" && [ranks, gpus, cores, seconds].every(isAmount);
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Returns the sums over all invocations. */
export function usageOf(
  { invocations, step_rank_seconds: stepSeconds, is_incomplete: isIncomplete }: UsageRecord,
): Usage {
  const sum = (value: (one: InvocationUsage) => number): number =>
    invocations.reduce((sum, one) => sum + value(one), 0);
  /** Sums over the invocations with GPUs; undefined where one of them lacks a value, or none has GPUs. */
  const sumOnGpus = (value: (one: InvocationUsage) => number | undefined): number | undefined => {
    const values = invocations.filter(({ gpus }) => gpus > 0).map(value);
    if (values.length === 0 || values.includes(undefined)) return undefined;
    return (values as number[]).reduce((sum, one) => sum + one, 0);
  };
  const rankSeconds = sum(({ seconds, ranks }) => seconds * ranks);
  const values = {
    gpu_seconds: sumOnGpus(({ gpus, seconds }) => gpus * seconds),
    normalised_hours: sumOnGpus(({ gpus, seconds, hours_factor: factor }) =>
      factor === undefined ? undefined : gpus * seconds / 3600 * factor
    ),
    joules: sumOnGpus(({ joules }) => joules),
    grams_co2e: sumOnGpus(({ joules, grams_per_kwh: grams }) =>
      joules === undefined || grams === undefined ? undefined : joules / JOULES_PER_KWH * grams
    ),
    is_incomplete: isIncomplete,
    goodput: rankSeconds > 0 && !isIncomplete ? Math.min(1, stepSeconds / rankSeconds) : undefined,
  };
  return {
    invocations: invocations.length,
    granted_seconds: sum(({ seconds }) => seconds),
    core_seconds: sum(({ cores, seconds }) => cores * seconds),
    ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
  };
}

/** Sum of the time in logged steps, times ranks, row by row. */
export class StepSeconds {
  readonly #batchSize: number;
  #before = -1;
  #ranks = 1;
  /** Seconds times ranks. */
  total = 0;

  /** @param batchSize images of an optimizer step */
  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  /** Adds the time of the steps since the row before. */
  add(row: MetricsRow): void {
    if (row.kind === "run" && typeof row.ranks === "number") this.#ranks = row.ranks;
    if (row.kind !== "train") return;
    const { step, images_per_second: rate } = row;
    if (rate > 0) {
      this.total += Math.max(0, step - this.#before) * this.#batchSize / rate * this.#ranks;
    }
    this.#before = step;
  }
}

/** Returns the lines on a run's hours and energy, each with its name. */
export function usageLines(usage: Usage): [name: string, value: string][] {
  const hours = (seconds: number): string => numberText(seconds / 3600);
  const { gpu_seconds: gpus, normalised_hours: normalised, joules, grams_co2e: grams } = usage;
  return [
    ...gpus === undefined ? [] : [["GPU-hours", hours(gpus)] as [string, string]],
    ["core-hours", hours(usage.core_seconds)],
    ...normalised === undefined
      ? []
      : [["normalised hours", numberText(normalised)] as [string, string]],
    ...joules === undefined
      ? []
      : [["energy of the GPUs", `${numberText(joules / JOULES_PER_KWH)} kWh`] as [string, string]],
    ...grams === undefined ? [] : [["carbon", `${numberText(grams)} g CO2e`] as [string, string]],
    ...usage.is_incomplete === undefined
      ? []
      : [["not counted", "earlier invocations"] as [string, string]],
    ...usage.goodput === undefined ? [] : [[
      "goodput",
      `${(100 * usage.goodput).toFixed(1)} % of ${hours(usage.granted_seconds)} h granted in ` +
      `${usage.invocations} invocation${usage.invocations === 1 ? "" : "s"}`,
    ] as [string, string]],
  ];
}

/** Returns a number with three digits, without an exponent. */
function numberText(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));
}
