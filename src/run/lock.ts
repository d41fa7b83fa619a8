/**
 * The lock on a run folder, which allows one writer at a time.
 *
 * `lock/` in the run folder holds one file (base/lock_folder.ts) that describes the owner. A thread of the Rust core
 * rewrites the file at each heartbeat. On the owner's machine, the owner is gone when its process has ended. On another
 * machine, the owner is gone when the file has not changed for ten heartbeats; the clocks of the two machines are never
 * compared.
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
/** Number of missed heartbeats after which an owner counts as gone. */
const MOST_MISSED = 10;
const POLL_MILLISECONDS = 100;
/** Default of the largest age that the last check of the lock may have. */
const RECENT_MILLISECONDS = 1000;

/** Options of taking a lock. */
export interface RunLockOptions {
  /** Shows a line: the lock is waited for, or taken over from an owner that is gone. */
  log(line: string): void;
  /** Signal that ends a wait. */
  signal: AbortSignal;
  /** Milliseconds between two heartbeats; 10,000 by default. */
  beatMilliseconds?: number;
}

/** Process that writes to a run folder, as the lock's file describes it. */
interface Holder {
  host: string;
  pid: number;
  /** The process's Slurm job; null outside Slurm. */
  job: string | null;
  /** Time at which the process took the lock, in ISO 8601. */
  since: string;
  beatMilliseconds: number;
  /** Boot of the machine and start of the process, which tell the process from a later one with the same pid. */
  machine: string | null;
  started: string | null;
}

/** The lock of a run folder, which this process holds until the lock's disposal. */
export class RunLock implements Disposable {
  /** The lock's file; this process holds the lock as long as the file exists. */
  readonly file: string;
  readonly #folder: string;
  readonly #heartbeat: Heartbeat;

  private constructor(folder: string, file: string, heartbeat: Heartbeat) {
    this.#folder = folder;
    this.file = file;
    this.#heartbeat = heartbeat;
  }

  /**
   * Takes the lock of a run folder, if need be from an owner that is gone.
   *
   * @throws UserError (run folder) with the owner, when another process holds it; (interrupted) when a signal ends the
   * wait
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
   * Checks that this process still holds the lock. Must be called before anything is written to the folder.
   *
   * @param maxAgeMilliseconds largest age of the last look at the file that is trusted without another look
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
        `Cannot continue the run: ${error.message}${now}; expected this process to be the only writer ` +
          "of the folder (nothing was written since)",
        ExitCode.runFolder,
      );
    }
  }

  /** Releases the lock. */
  [Symbol.dispose](): void {
    this.#heartbeat.close();
    try {
      removeIfThere(this.file);
      Deno.removeSync(this.#folder);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      // Another process has taken the lock or removed the folder, or the folder is not writable any more. The result of
      // the run matters more than the error of the release.
    }
  }
}

/** Removes the lock of an owner that is gone. @throws UserError (run folder) when the owner is alive */
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
    // A job that Slurm has requeued after the loss of a node may begin before its earlier ranks have ended.
    if (mine.job !== null && owner.record.job === mine.job) {
      if (await leaves(folder, owner, { ...options, isEnded })) return;
    }
    throw new UserError(
      `Cannot use the run folder ${join(folder, "..")}: ${shown(owner)} holds it, expected no ` +
        "other process on it: wait for its end, stop it, or choose another --run_dir or --expe_name",
      ExitCode.runFolder,
    );
  }
  options.log(`Taking the run over from ${shown(owner)}, which is gone`);
  removeIfThere(owner.file);
}

/** Waits ten heartbeats for a change of the file of an owner on another machine; returns true where there was none. */
async function isSilent(
  folder: string,
  owner: LockOwner,
  { log, signal, beatMilliseconds = BEAT_MILLISECONDS }: RunLockOptions,
): Promise<boolean> {
  const { beatMilliseconds: beat = beatMilliseconds } = owner.record as Partial<Holder>;
  const patience = beat * MOST_MISSED;
  log(
    `Waiting for a heartbeat of ${shown(owner)} for ${(patience / 1000).toFixed(0)} s at most`,
  );
  let alive = false;
  await poll({ signal, beatMilliseconds: beat, patience }, () => {
    const found = readOwner(folder);
    // The owner has released the lock, or another process has taken it: the caller's next attempt looks again.
    if (found?.file !== owner.file) return true;
    alive = found.touched !== owner.touched;
    return alive;
  });
  return !alive;
}

/** Waits ten heartbeats for an earlier invocation of this job to end or to release the lock; returns true if it did. */
async function leaves(
  folder: string,
  owner: LockOwner,
  { log, signal, beatMilliseconds = BEAT_MILLISECONDS, isEnded }: RunLockOptions & {
    isEnded: (() => boolean) | undefined;
  },
): Promise<boolean> {
  const patience = beatMilliseconds * MOST_MISSED;
  log(
    `Waiting for ${shown(owner)} an earlier invocation of this job, to end, for ${
      (patience / 1000).toFixed(0)
    } s at most`,
  );
  return await poll(
    { signal, beatMilliseconds, patience },
    () => readOwner(folder)?.file !== owner.file || isEnded?.() === true,
  );
}

/**
 * Calls `holds` repeatedly for `patience` milliseconds; returns true once `holds` does, false at the end of that time.
 *
 * @throws UserError (interrupted) on a signal
 */
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
  }, whose last heartbeat was ${seconds} s ago,`;
}

function jobOf(variables: Record<string, string>): string | null {
  const { SLURM_JOB_ID, SLURM_ARRAY_JOB_ID, SLURM_ARRAY_TASK_ID } = variables;
  if (SLURM_ARRAY_JOB_ID !== undefined && SLURM_ARRAY_TASK_ID !== undefined) {
    return `${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}`;
  }
  return SLURM_JOB_ID ?? null;
}
