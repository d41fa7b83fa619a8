/**
 * When a run saves, which checkpoints it keeps, and what it does when it cannot save. The state is copied between two
 * steps; the copy is written in a thread of the core's while the training continues. One save at a time.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { isSaved } from "../byol/plan.ts";
import { type CheckpointMetadata, checkpointPath, listCheckpoints } from "./checkpoint.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isExpected, wordsFor } from "../base/expected.ts";
import { Job } from "../native/job.ts";
import type { Learner } from "../native/learner.ts";
import { NativeError } from "../native/native_error.ts";

/** Checkpoints that stay whatever their step, counted from the newest; only whole ones count. */
const NEWEST_KEPT = 2;

/** When to save, and what a failure does. Zeros are never. */
export interface SavePolicy {
  /** Steps between the checkpoints that stay for good. */
  keepEverySteps: number;
  saveEverySteps: number;
  saveEveryMinutes: number;
  /** Policy of a failed save: end the run, or warn until the last save. */
  onSaveError: "stop" | "continue";
}

/** Learner and metadata that a writer saves. */
export interface CheckpointSource {
  folder: string;
  learner: Learner;
  /** Returns the metadata of the checkpoint of a step. */
  metadataAt(step: number): CheckpointMetadata;
  /** Files to be on the disk before a checkpoint is: those that a resume cuts back to it. */
  syncFirst: string[];
  /** The step whose checkpoint is there already. */
  savedStep: number | undefined;
  /** Hears of what went wrong and does not end the run. */
  warn(line: string): void;
}

/** Saves a run. Leaving its scope waits for a save under way. */
export class CheckpointWriter implements AsyncDisposable {
  readonly #source: CheckpointSource;
  readonly #policy: SavePolicy;
  readonly #damaged = new Set<string>();
  #underWay: Promise<void> | undefined;
  #failure: Error | undefined;
  #savedStep: number | undefined;
  #savedAt = performance.now();
  #isDue = false;

  /** @param source its folder is the writer's alone */
  constructor(source: CheckpointSource, policy: SavePolicy) {
    this.#source = source;
    this.#policy = policy;
    this.#savedStep = source.savedStep;
  }

  /**
   * Begins a save where one is due; while one is under way, the next step tries again.
   *
   * @throws UserError (save) when an earlier one has failed and the policy is to stop; (numbers) when the state it
   * was to save was not finite, whatever the policy
   */
  stepDone(step: number): void {
    if (this.#failure !== undefined && this.#endsRun(this.#failure)) throw this.#failure;
    this.#isDue ||= this.#isDueAt(step);
    if (this.#isDue && this.#underWay === undefined) this.#begin(step);
  }

  /**
   * Saves a step unless that is done, and waits.
   *
   * @throws UserError (save) when it cannot be, whatever the policy: nothing would be left of the last steps
   */
  async finish(step: number): Promise<void> {
    await this.#underWay;
    if (this.#savedStep === step) return;
    this.#begin(step);
    await this.#underWay;
    if (this.#savedStep !== step && this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for a save under way; how it ended is told by the calls above. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** Waits for a save under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.settled();
  }

  #isDueAt(step: number): boolean {
    const { saveEveryMinutes } = this.#policy;
    const minutes = (performance.now() - this.#savedAt) / 60_000;
    return isSaved(step, this.#policy) || (saveEveryMinutes > 0 && minutes >= saveEveryMinutes);
  }

  #begin(step: number): void {
    this.#isDue = false;
    this.#savedAt = performance.now();
    this.#underWay = this.#save(step).finally(() => this.#underWay = undefined);
  }

  /** Copies before its first wait, and never rejects. */
  async #save(step: number): Promise<void> {
    const { folder, learner, metadataAt, syncFirst, warn } = this.#source;
    const path = checkpointPath(folder, step);
    try {
      using job = learner.beginSave(path, { metadata: metadataAt(step), syncFirst });
      await job.done();
      this.#savedStep = step;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = saveFailure(error, path);
      if (!this.#endsRun(this.#failure)) {
        warn(`${this.#failure.message}; the run continues without (--on_save_error=continue)`);
      }
      return;
    }
    try {
      await this.#dropOld();
    } catch (error) {
      warn(`Cannot remove old checkpoints from ${folder}: ${wordsFor(error)}`);
    }
  }

  /** Returns true also for a bug, and for a state that is not finite: to continue makes neither better. */
  #endsRun(failure: Error): boolean {
    return this.#policy.onSaveError === "stop" || !(failure instanceof UserError) ||
      failure.exitCode === ExitCode.numbers;
  }

  /** Nothing is removed before two checkpoints that are newer have been read and found whole. */
  async #dropOld(): Promise<void> {
    const all = listCheckpoints(this.#source.folder);
    const forGood = keptForGood(all.map(({ step }) => step), this.#policy.keepEverySteps);
    let whole = 0;
    for (const { path, step } of all) {
      if (whole === NEWEST_KEPT) {
        if (!forGood.has(step)) Deno.removeSync(path);
      } else if (await this.#isWhole(path)) {
        whole++;
      }
    }
  }

  async #isWhole(path: string): Promise<boolean> {
    try {
      using job = Job.verify(path);
      await job.done();
      return true;
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (!this.#damaged.has(path)) this.#source.warn(`${error.message}; it does not count`);
      this.#damaged.add(path);
      return false;
    }
  }
}

/**
 * The steps whose checkpoints stay for good: of each stretch of `every` steps but the one before `every` itself, the
 * first there is. (A save that was due while another was under way comes some steps late.)
 */
export function keptForGood(steps: readonly number[], every: number): ReadonlySet<number> {
  if (every === 0) return new Set();
  const first = new Map<number, number>();
  for (const step of steps) {
    const stretch = Math.floor(step / every);
    if (stretch > 0) first.set(stretch, Math.min(step, first.get(stretch) ?? step));
  }
  return new Set(first.values());
}

/** Does what writes a file of a run. @throws UserError (save) that says how much room there is, when it fails */
export function saving<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw saveFailure(error, path);
  }
}

/** Returns the error of a failed save: for an expected failure, a UserError that gives the room there is. */
function saveFailure(error: unknown, path: string): Error {
  if (!isExpected(error)) return error instanceof Error ? error : new Error(String(error));
  if (error instanceof NativeError && error.code === "NotFinite") {
    return new UserError(
      `${error.message}. ${path} was not written; the checkpoints before it are as they were`,
      ExitCode.numbers,
    );
  }
  const { message } = error;
  const quota = /quota/i.test(message) ? ", but your quota has not" : "";
  return new UserError(`${message}${roomAround(path)}${quota}`, ExitCode.save);
}

/** Returns the free space, for the end of a message. */
function roomAround(path: string): string {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return `; the file system has ${bavail * bsize} bytes free`;
  } catch {
    return "";
  }
}
