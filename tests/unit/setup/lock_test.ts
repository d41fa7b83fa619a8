import assert from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../../src/setup/lock.ts";

/** Runs `body` with the path of a lock in a folder of its own. */
async function withFolder(body: (lock: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "byol-lock-" });
  try {
    await body(join(folder, "lock"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function leaveLock(lock: string, owner: { host: string; pid: number }): void {
  Deno.mkdirSync(lock);
  Deno.writeTextFileSync(join(lock, "owner.json"), JSON.stringify(owner));
}

function listening(): { said: string[]; log: (line: string) => void; signal: AbortSignal } {
  const said: string[] = [];
  return { said, log: (line) => said.push(line), signal: AbortSignal.timeout(5000) };
}

Deno.test("the lock is held by one at a time", async () => {
  await withFolder(async (lock) => {
    let inside = 0;
    const most: number[] = [];
    async function work(): Promise<void> {
      inside += 1;
      most.push(inside);
      await sleep(20);
      inside -= 1;
    }
    await Promise.all(Array.from({ length: 5 }, () => withLock(lock, listening(), work)));
    assert.deepEqual(most, [1, 1, 1, 1, 1]);
    assert.deepEqual([...Deno.readDirSync(join(lock, ".."))].map(({ name }) => name), []);
  });
});

Deno.test("the lock of a process that is gone is taken over", async () => {
  await withFolder(async (lock) => {
    const child = new Deno.Command("true").spawn();
    await child.status;
    leaveLock(lock, { host: hostname(), pid: child.pid });
    const options = listening();
    assert.equal(await withLock(lock, options, () => Promise.resolve("done")), "done");
    assert.match(options.said.join("\n"), /taking over from process \d+ on .*, which is gone/);
  });
});

Deno.test("an owner on another host counts as gone only when it stays silent", async () => {
  await withFolder(async (lock) => {
    leaveLock(lock, { host: "another-host", pid: Deno.pid });
    const options = { ...listening(), silenceMilliseconds: 700 };
    const started = performance.now();
    const beat = setInterval(() => {
      const now = new Date();
      Deno.utimeSync(join(lock, "owner.json"), now, now);
    }, 100);
    setTimeout(() => clearInterval(beat), 600);
    await withLock(lock, options, () => Promise.resolve());
    const waited = performance.now() - started;
    assert(waited > 1100, `took the lock of a live owner after ${waited} ms`);
  });
});

Deno.test("waiting for the lock ends with the signal's reason", async () => {
  await withFolder(async (lock) => {
    leaveLock(lock, { host: hostname(), pid: Deno.pid });
    const reason = new Error("interrupted");
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(reason), 50);
    const options = { ...listening(), signal: interruption.signal };
    await assert.rejects(withLock(lock, options, () => Promise.resolve()), reason);
    assert.deepEqual([...Deno.readDirSync(lock)].map(({ name }) => name), ["owner.json"]);
  });
});
