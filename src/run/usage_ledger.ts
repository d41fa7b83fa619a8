/** The account of one invocation in usage.json, written at intervals: a kill loses seconds of it. */

import { replaceFile } from "../base/atomic_file.ts";
import { isSystemError, wordsFor } from "../base/expected.ts";
import { exists } from "../base/files.ts";
import type { RunFolder } from "./folder.ts";
import type { MetricsRow } from "./metrics.ts";
import {
  type InvocationUsage,
  readUsage,
  StepSeconds,
  type Usage,
  usageFile,
  usageOf,
  type UsageRecord,
} from "./usage.ts";

/** Least time between two writes. */
const WRITE_MILLISECONDS = 10_000;

/** Options of a ledger. */
export interface LedgerOptions {
  /** Facts of this invocation. */
  invocation: Omit<InvocationUsage, "seconds" | "joules" | "time">;
  /** Start of the program, on the clock of `now`. */
  startedAt: number;
  /** Images of an optimizer step. */
  batchSize: number;
  /** Rows of earlier invocations that the run keeps. */
  kept: readonly MetricsRow[];
  /** Shows a warning. */
  warn(line: string): void;
  /** Clock in milliseconds; performance.now by default. */
  now?: () => number;
}

/** The account of one invocation. A failure to write is warned of once and does not end the run. */
export class UsageLedger {
  readonly #path: string;
  readonly #earlier: InvocationUsage[];
  readonly #isIncomplete: boolean;
  readonly #own: InvocationUsage;
  readonly #steps: StepSeconds;
  readonly #startedAt: number;
  readonly #now: () => number;
  readonly #warn: (line: string) => void;
  #writtenAt = -Infinity;
  #hasFailed = false;

  /** Continues the account in a run's folder; begins a new one where usage.json is missing or damaged. */
  constructor(
    folder: RunFolder,
    { invocation, startedAt, batchSize, kept, warn, now = () => performance.now() }: LedgerOptions,
  ) {
    this.#path = usageFile(folder);
    this.#now = now;
    this.#warn = warn;
    this.#startedAt = startedAt;
    const before = readUsage(folder);
    if (before === undefined && exists(this.#path)) {
      warn(`${this.#path} is damaged: the hours of earlier invocations are lost`);
    }
    this.#earlier = before?.invocations ?? [];
    this.#isIncomplete = before === undefined ? kept.length > 0 : before.is_incomplete === true;
    const seconds = (now() - startedAt) / 1000;
    const time = new Date(Date.now() - 1000 * seconds).toISOString();
    this.#own = { time, ...invocation, seconds };
    this.#steps = new StepSeconds(batchSize);
    kept.forEach((row) => this.#steps.add(row));
    this.write();
  }

  /** Notes the end of a step. */
  stepDone(): void {
    const seconds = this.#seconds();
    this.#own.first_step_seconds ??= seconds;
    this.#own.last_step_seconds = seconds;
    this.#writeIfDue();
  }

  /** Takes the energy of all GPUs since the start of this invocation; undefined where it is not measured. */
  used(joules: number | undefined): void {
    if (joules === undefined) delete this.#own.joules;
    else this.#own.joules = joules;
  }

  /** Adds the time of a row's steps. */
  add(row: MetricsRow): void {
    this.#steps.add(row);
  }

  /** Returns the sums over all invocations, up to now. */
  usage(): Usage {
    this.#own.seconds = this.#seconds();
    return usageOf(this.#record());
  }

  /** Writes the account. */
  write(): void {
    this.#writtenAt = this.#now();
    this.#own.seconds = this.#seconds();
    try {
      replaceFile(this.#path, `${JSON.stringify(this.#record(), null, 2)}\n`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasFailed) {
        this.#warn(`Cannot write ${this.#path}: ${wordsFor(error)}; the run continues without it`);
      }
      this.#hasFailed = true;
    }
  }

  #seconds(): number {
    return (this.#now() - this.#startedAt) / 1000;
  }

  #record(): UsageRecord {
    return {
      invocations: [...this.#earlier, this.#own],
      step_rank_seconds: this.#steps.total,
      ...this.#isIncomplete && { is_incomplete: true as const },
    };
  }

  #writeIfDue(): void {
    if (this.#now() - this.#writtenAt >= WRITE_MILLISECONDS) this.write();
  }
}
