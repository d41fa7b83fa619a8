/**
 * The saving of a run: the steps that save, the checkpoints that are kept, and the handling of a failed save. The state
 * is copied between two steps; a thread of the Rust core writes the copy while the training continues. There is one
 * save at a time.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { NumbersError } from "../byol/divergence.ts";
import { isSaved } from "../byol/plan.ts";
import { type CheckpointMetadata, checkpointPath, listCheckpoints } from "./checkpoint.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isExpected, wordsFor } from "../base/expected.ts";
import { Job } from "../native/job.ts";
import type { Learner } from "../native/learner.ts";
import { NativeError } from "../native/native_error.ts";

/** Number of newest undamaged checkpoints that are kept, whatever their steps. */
const NEWEST_KEPT = 2;

/** Intervals between saves, and the handling of a failed save. */
export interface SavePolicy {
  /** Steps between checkpoints that are kept; 0 for none. */
  keepEverySteps: number;
  /** Steps between checkpoints that later ones replace; 0 for none. */
  saveEverySteps: number;
  /** Minutes between checkpoints that later ones replace; 0 for none. */
  saveEveryMinutes: number;
  /** Handling of a failed save: end the run, or warn and continue; a failure of the last save always ends the run. */
  onSaveError: "stop" | "continue";
}

/** State that a writer saves. */
export interface CheckpointSource {
  folder: string;
  learner: Learner;
  /** Returns the metadata of the checkpoint of a step. */
  metadataAt(step: number): CheckpointMetadata;
  /** Files to sync to the disk before a checkpoint: those that a resume cuts back to the checkpoint's step. */
  syncFirst: string[];
  /** The step that the run resumes from, whose checkpoint exists; undefined for a new run. */
  savedStep: number | undefined;
  /** A step whose checkpoint is kept besides, as a later replay begins with it (failure.ts); none by default. */
  protectedStep?: number | null;
  /** Shows a warning: a failure that does not end the run. */
  warn(line: string): void;
}

/** Writer of a run's checkpoints. Its disposal waits for a save under way. */
export class CheckpointWriter implements AsyncDisposable {
  readonly #source: CheckpointSource;
  readonly #policy: SavePolicy;
  readonly #damaged = new Set<string>();
  #underWay: Promise<void> | undefined;
  #failure: Error | undefined;
  #savedStep: number | undefined;
  #savedAt = performance.now();
  #isDue = false;

  /** @param source state to save; nothing else may write to `source.folder` */
  constructor(source: CheckpointSource, policy: SavePolicy) {
    this.#source = source;
    this.#policy = policy;
    this.#savedStep = source.savedStep;
  }

  /**
   * Begins a save where one is due. While another save is under way, the due one waits for a later step.
   *
   * @throws UserError (save) when an earlier save has failed and the policy is to stop; (numbers) when the state of an
   * earlier save was not finite, whatever the policy
   */
  stepDone(step: number): void {
    if (this.#failure !== undefined && this.#endsRun(this.#failure)) throw this.#failure;
    this.#isDue ||= this.#isDueAt(step);
    if (this.#isDue && this.#underWay === undefined) this.#begin(step);
  }

  /**
   * Saves the last step, unless it is saved already, and waits for the end of the save.
   *
   * @throws UserError (save) when the save fails, whatever the policy: the last steps would be lost
   */
  async finish(step: number): Promise<void> {
    await this.#underWay;
    if (this.#savedStep === step) return;
    this.#begin(step);
    await this.#underWay;
    if (this.#savedStep !== step && this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for a save under way; the next stepDone or finish throws the error of a failed save. */
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

  /** Copies the state before the first await, then writes it. Never rejects: a failure is stored in #failure. */
  async #save(step: number): Promise<void> {
    const { folder, learner, metadataAt, syncFirst, warn } = this.#source;
    const path = checkpointPath(folder, step);
    try {
      using job = learner.beginSave(path, { metadata: metadataAt(step), syncFirst });
      await job.done();
      this.#savedStep = step;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = saveFailure(error, path, { lastStep: step - 1 });
      if (!this.#endsRun(this.#failure)) {
        warn(`${this.#failure.message}; the run continues without it (--on_save_error=continue)`);
      }
      return;
    }
    try {
      await this.#dropOld();
    } catch (error) {
      warn(`Cannot remove old checkpoints from ${folder}: ${wordsFor(error)}`);
    }
  }

  /** Returns true where a failure ends the run: by the policy, for a bug, and for a state that is not finite. */
  #endsRun(failure: Error): boolean {
    return this.#policy.onSaveError === "stop" || !(failure instanceof UserError) ||
      failure.exitCode === ExitCode.numbers;
  }

  /** Removes checkpoints that are older than the NEWEST_KEPT newest undamaged ones, except those kept for good and the protected one. */
  async #dropOld(): Promise<void> {
    const all = listCheckpoints(this.#source.folder);
    const forGood = keptForGood(all.map(({ step }) => step), this.#policy.keepEverySteps);
    let whole = 0;
    for (const { path, step } of all) {
      if (whole === NEWEST_KEPT) {
        const isKept = forGood.has(step) || step === this.#source.protectedStep;
        if (!isKept) Deno.removeSync(path);
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
      if (!this.#damaged.has(path)) {
        this.#source.warn(`${error.message}; an older checkpoint is kept in its place`);
      }
      this.#damaged.add(path);
      return false;
    }
  }
}

/**
 * Returns the steps whose checkpoints are kept for good: the first saved step from each multiple of `every` on, before
 * the next multiple. (A save that is due while another is under way comes some steps late.)
 *
 * @param every steps between checkpoints that are kept; 0 for none
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

/** Calls `write`, which writes a file of a run. @throws UserError (save) with the free space, when `write` fails */
export function saving<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw saveFailure(error, path);
  }
}

/**
 * Returns the error of a failed save: for an expected failure, a UserError with the free space of the file system.
 *
 * @param options.lastStep the last step of a training state
 */
function saveFailure(
  error: unknown,
  path: string,
  { lastStep }: { lastStep?: number } = {},
): Error {
  if (!isExpected(error)) return error instanceof Error ? error : new Error(String(error));
  if (error instanceof NativeError && error.code === "NotFinite") {
    const message =
      `${error.message}; ${path} was not written, the checkpoints before it are unchanged`;
    return lastStep === undefined
      ? new UserError(message, ExitCode.numbers)
      : new NumbersError(message, lastStep);
  }
  const { message } = error;
  const quota = /quota/i.test(message) ? ", but your quota has not" : "";
  return new UserError(`${message}${roomAround(path)}${quota}`, ExitCode.save);
}

/** Returns the free space of a path's file system, for the end of a message; "" where it is unknown. */
function roomAround(path: string): string {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return `; the file system has ${bavail * bsize} bytes free`;
  } catch {
    return "";
  }
}
