/**
 * One set-up at a time in a checkout.
 *
 * The lock is a folder that holds one file, named after its owner. Taking it is renaming a prepared folder to the
 * lock's name, which the system refuses while the folder there is not empty; releasing it, or breaking the lock of
 * a process that is gone, is removing that one file. So nobody can remove a lock that another one has just taken.
 */

import process from "node:process";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How to wait for the lock. */
export interface LockOptions {
  /** Told once who is waited for, and when a dead owner's lock is taken over. */
  log: (line: string) => void;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** An owner on another host counts as gone when it gave no sign for so long; it gives one every quarter of it. */
  silenceMilliseconds?: number;
}

interface Owner {
  file: string;
  host: string;
  pid: number;
  touched: number;
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
  }
}

async function take(folder: string, silence: number, options: LockOptions): Promise<string> {
  const name = `${hostname()}-${Deno.pid}-${crypto.randomUUID()}.json`;
  let announced = "";
  let sign = { touched: NaN, seen: 0 };
  for (;;) {
    options.signal.throwIfAborted();
    const owner = readOwner(folder);
    if (owner === undefined) {
      if (tryTake(folder, name)) return join(folder, name);
      continue;
    }
    if (owner.touched !== sign.touched) {
      sign = { touched: owner.touched, seen: performance.now() };
    }
    const silent = performance.now() - sign.seen > silence;
    if (silent || (owner.host === hostname() && !isAlive(owner.pid))) {
      options.log(`taking over from process ${owner.pid} on ${owner.host}, which is gone`);
      removeIfThere(owner.file);
      continue;
    }
    if (announced !== owner.file) {
      options.log(`waiting for the set-up that process ${owner.pid} on ${owner.host} is running`);
      announced = owner.file;
    }
    await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal }).catch(() => {});
  }
}

function tryTake(folder: string, name: string): boolean {
  const prepared = `${folder}.${name}`;
  Deno.mkdirSync(prepared);
  Deno.writeTextFileSync(
    join(prepared, name),
    JSON.stringify({ host: hostname(), pid: Deno.pid }),
  );
  try {
    Deno.renameSync(prepared, folder);
    return true;
  } catch (error) {
    Deno.removeSync(prepared, { recursive: true });
    const code = (error as { code?: string }).code ?? "";
    if (["ENOTEMPTY", "EEXIST"].includes(code)) return false;
    throw error;
  }
}

/** The owner, or undefined when the lock is free. */
function readOwner(folder: string): Owner | undefined {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const file = join(folder, name);
      const touched = Deno.statSync(file).mtime?.getTime() ?? 0;
      const { host, pid } = JSON.parse(Deno.readTextFileSync(file));
      return { file, host, pid, touched };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
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
    // Broken by a waiter while this process was suspended: there is nothing left to keep alive.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function removeIfThere(file: string): void {
  try {
    Deno.removeSync(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
