/** Lock for one process at a time, such as set-up in a checkout: the others wait. */

import process from "node:process";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeIfThere } from "../base/files.ts";
import { readOwner, tryTake } from "../base/lock_folder.ts";

/** Options of waiting for the lock. */
export interface LockOptions {
  /** Called once with the owner that is waited for, and when the lock of a dead owner is taken over. */
  log: (line: string) => void;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** Purpose of the lock, for the message. Default: "the set-up". */
  what?: string;
  /** Milliseconds without a heartbeat after which an owner on another host counts as gone; the interval is a quarter. */
  silenceMilliseconds?: number;
}

const POLL_MILLISECONDS = 200;
const SILENCE_MILLISECONDS = 60_000;

/** Runs `work` while holding the lock `folder` (its parent exists); waits for another owner first. */
export async function withLock<T>(
  folder: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const silence = options.silenceMilliseconds ?? SILENCE_MILLISECONDS;
  const mine = await take(folder, silence, options);
  const beat = setInterval(() => touch(mine), silence / 4);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    removeIfThere(mine);
    try {
      Deno.removeSync(folder);
    } catch {
      // Another one has it already.
    }
  }
}

async function take(folder: string, silence: number, options: LockOptions): Promise<string> {
  const name = `${hostname()}-${Deno.pid}-${crypto.randomUUID()}.json`;
  const content = JSON.stringify({ host: hostname(), pid: Deno.pid });
  let announced = "";
  let sign = { touched: NaN, seen: 0 };
  for (;;) {
    options.signal.throwIfAborted();
    const owner = readOwner(folder);
    if (owner === undefined) {
      if (tryTake(folder, { name, content })) return join(folder, name);
      continue;
    }
    if (owner.touched !== sign.touched) {
      sign = { touched: owner.touched, seen: performance.now() };
    }
    const { host, pid } = owner.record as { host: string; pid: number };
    const silent = performance.now() - sign.seen > silence;
    if (silent || (host === hostname() && !isAlive(pid))) {
      options.log(`taking over from process ${pid} on ${host}, which is gone`);
      removeIfThere(owner.file);
      continue;
    }
    if (announced !== owner.file) {
      options.log(
        `waiting for ${options.what ?? "the set-up"} that process ${pid} on ${host} is running`,
      );
      announced = owner.file;
    }
    await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM is a live process of somebody else.
    return (error as { code?: string }).code !== "ESRCH";
  }
}

function touch(file: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(file, now, now);
  } catch (error) {
    // A waiter broke the lock while this process was suspended: no lock is left to keep alive.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
