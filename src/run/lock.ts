/**
 * One writer a run: the lock on a run folder.
 *
 * `lock/` in the run folder holds one file (base/lock_folder.ts), which says who writes there and is written again
 * and again by a thread of the core. On the same machine the owner is gone when its process is; on another one only
 * the file tells: it is watched for ten beats, so that no two clocks are compared.
 *
 * @module
 */

import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isExpected, isSystemError } from "../base/expected.ts";
import { interrupted } from "../runtime/interrupt.ts";
import { Heartbeat } from "../native/heartbeat.ts";
import { describeProcess } from "../native/process.ts";
import { removeIfThere } from "../base/files.ts";
import { type LockOwner, readOwner, tryTake } from "../base/lock_folder.ts";

const BEAT_MILLISECONDS = 10_000;
/** So many beats missed, and the owner is gone. */
const MOST_MISSED = 10;
const POLL_MILLISECONDS = 100;
/** Largest age of the last check of the lock between two steps. */
const RECENT_MILLISECONDS = 1000;

/** Options of taking a lock. */
export interface RunLockOptions {
  /** Hears of a wait, and of an owner that is gone. */
  log(line: string): void;
  /** Ends a wait. */
  signal: AbortSignal;
  /** Milliseconds from beat to beat. */
  beatMilliseconds?: number;
}

/** Process that writes to a run folder, as the lock's file describes it. */
interface Holder {
  host: string;
  pid: number;
  /** The job it belongs to; null outside Slurm. */
  job: string | null;
  /** When it took the lock, in ISO 8601. */
  since: string;
  beatMilliseconds: number;
  /** Tell it from another process of its number: native/process.ts. */
  machine: string | null;
  started: string | null;
}

/** A run folder that this process alone writes to, until it leaves the scope. */
export class RunLock implements Disposable {
  /** The lock's file: while it is there, the lock is ours. */
  readonly file: string;
  readonly #folder: string;
  readonly #heartbeat: Heartbeat;

  private constructor(folder: string, file: string, heartbeat: Heartbeat) {
    this.#folder = folder;
    this.file = file;
    this.#heartbeat = heartbeat;
  }

  /**
   * Takes the lock of a run folder; that of an owner which is gone is taken over.
   *
   * @throws UserError (run folder) that says who holds it; (interrupted) when a signal ended the wait
   */
  static async take(runFolder: string, options: RunLockOptions): Promise<RunLock> {
    const folder = join(runFolder, "lock");
    const beatMilliseconds = options.beatMilliseconds ?? BEAT_MILLISECONDS;
    const holder: Holder = {
      host: hostname(),
      pid: Deno.pid,
      job: jobOf(Deno.env.toObject()),
      since: new Date().toISOString(),
      beatMilliseconds,
      ...describeProcess(Deno.pid),
    };
    const name = `${holder.host}-${holder.pid}-${crypto.randomUUID()}.json`;
    const content = `${JSON.stringify(holder)}\n`;
    try {
      while (!tryTake(folder, { name, content })) await clearAway(folder, holder, options);
    } catch (error) {
      throw asUserError(error, ExitCode.runFolder, { task: `lock the run folder ${runFolder}` });
    }
    const file = join(folder, name);
    const heartbeat = Heartbeat.start({
      path: file,
      content,
      everyMilliseconds: beatMilliseconds,
      mostMissed: MOST_MISSED,
    });
    return new RunLock(folder, file, heartbeat);
  }

  /**
   * Makes sure that the folder is still this process's. Call it before anything is written there.
   *
   * @throws UserError (run folder) when the lock was removed or taken over
   */
  check(maxAgeMilliseconds: number = RECENT_MILLISECONDS): void {
    try {
      this.#heartbeat.check(maxAgeMilliseconds);
    } catch (error) {
      if (!isExpected(error)) throw error;
      const owner = readOwner(this.#folder);
      const now = owner === undefined ? "" : `; now ${shown(owner)} holds it`;
      throw new UserError(
        `Cannot resume the run: ${error.message}${now}. Nothing was written since; ` +
          "expected to be the only one that writes to the folder",
        ExitCode.runFolder,
      );
    }
  }

  /** Lets go. */
  [Symbol.dispose](): void {
    this.#heartbeat.close();
    try {
      removeIfThere(this.file);
      Deno.removeSync(this.#folder);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      // Somebody else has taken the lock already, or has removed the folder, or nothing can be written there any more:
      // whatever the run ended with counts.
    }
  }
}

/** Removes the lock of an owner that is gone. @throws UserError (run folder) when it lives */
async function clearAway(folder: string, mine: Holder, options: RunLockOptions): Promise<void> {
  const owner = readOwner(folder);
  if (owner === undefined) return;
  const { host, pid, machine, started } = owner.record as Partial<Holder>;
  const isHere = host === mine.host && mine.machine !== null && machine === mine.machine;
  const isEnded = isHere && pid !== undefined
    ? (): boolean => describeProcess(pid).started !== started
    : undefined;
  const isGone = isEnded?.() ?? await isSilent(folder, owner, options);
  if (!isGone) {
    // A job that Slurm put back after the loss of a node may begin before its earlier ranks have ended.
    if (mine.job !== null && owner.record.job === mine.job) {
      if (await leaves(folder, owner, { ...options, isEnded })) return;
    }
    throw new UserError(
      `Cannot use the run folder ${join(folder, "..")}: ${shown(owner)} holds it, expected no ` +
        "other start on it: wait for its end, stop it, or choose another --run_dir or --expe_name",
      ExitCode.runFolder,
    );
  }
  options.log(`Taking the run over from ${shown(owner)}, which is gone`);
  removeIfThere(owner.file);
}

/** Waits ten beats for a sign of life of an owner that cannot be looked up; returns true when none came. */
async function isSilent(
  folder: string,
  owner: LockOwner,
  { log, signal, beatMilliseconds = BEAT_MILLISECONDS }: RunLockOptions,
): Promise<boolean> {
  const { beatMilliseconds: beat = beatMilliseconds } = owner.record as Partial<Holder>;
  const patience = beat * MOST_MISSED;
  log(
    `Waiting for a sign of life of ${shown(owner)}, for ${(patience / 1000).toFixed(0)} s at most`,
  );
  let alive = false;
  await poll({ signal, beatMilliseconds: beat, patience }, () => {
    const found = readOwner(folder);
    // Gone by itself, or another one came first: that is looked at anew.
    if (found?.file !== owner.file) return true;
    alive = found.touched !== owner.touched;
    return alive;
  });
  return !alive;
}

/** Waits ten beats for an earlier run of this job to release the lock or to end; returns true when it did. */
async function leaves(
  folder: string,
  owner: LockOwner,
  { log, signal, beatMilliseconds = BEAT_MILLISECONDS, isEnded }: RunLockOptions & {
    isEnded: (() => boolean) | undefined;
  },
): Promise<boolean> {
  const patience = beatMilliseconds * MOST_MISSED;
  log(
    `Waiting for ${shown(owner)} an earlier start of this job, to end, for ${
      (patience / 1000).toFixed(0)
    } s at most`,
  );
  return await poll(
    { signal, beatMilliseconds, patience },
    () => readOwner(folder)?.file !== owner.file || isEnded?.() === true,
  );
}

/** Looks again and again; whether it held within `patience` milliseconds. @throws UserError (interrupted) on a signal */
async function poll(
  { signal, beatMilliseconds, patience }: {
    signal: AbortSignal;
    beatMilliseconds: number;
    patience: number;
  },
  holds: () => boolean,
): Promise<boolean> {
  const began = performance.now();
  while (performance.now() - began < patience) {
    if (holds()) return true;
    await sleep(Math.min(POLL_MILLISECONDS, beatMilliseconds / 2), undefined, { signal })
      .catch(() => {});
    if (signal.aborted) throw interrupted("while it waited for the run folder");
  }
  return false;
}

function shown({ record, touched }: LockOwner): string {
  const { host, pid, job, since } = record as Partial<Holder>;
  const of = typeof job === "string" ? ` (Slurm job ${job})` : "";
  const seconds = Math.max(0, (Date.now() - touched) / 1000).toFixed(0);
  return `process ${pid ?? "unknown"}${of} on ${host ?? "an unknown host"}, since ${
    since ?? "an unknown time"
  }, with a last sign of life ${seconds} s ago,`;
}

function jobOf(variables: Record<string, string>): string | null {
  const { SLURM_JOB_ID, SLURM_ARRAY_JOB_ID, SLURM_ARRAY_TASK_ID } = variables;
  if (SLURM_ARRAY_JOB_ID !== undefined && SLURM_ARRAY_TASK_ID !== undefined) {
    return `${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}`;
  }
  return SLURM_JOB_ID ?? null;
}
