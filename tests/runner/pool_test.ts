import { deepEqual, equal } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Job, runAll } from "./pool.ts";

const NEVER = new AbortController().signal;

/** Jobs that write down when they begin, and how many ran at once. */
class Log {
  readonly begun: string[] = [];
  most = 0;
  #running = 0;

  job(name: string, options: Partial<Job> = {}): Job {
    const run = async (): Promise<void> => {
      this.begun.push(`${name}${options.alone ? ` beside ${this.#running}` : ""}`);
      this.#running += 1;
      this.most = Math.max(this.most, this.#running);
      await sleep(5);
      this.#running -= 1;
    };
    return { seconds: 1, alone: false, run, ...options };
  }
}

Deno.test("the longest jobs begin first, and those alone run after all others, one by one", async () => {
  const log = new Log();
  await runAll([
    log.job("alone 1", { alone: true }),
    log.job("short", { seconds: 2 }),
    log.job("alone 2", { alone: true, seconds: 9 }),
    log.job("long", { seconds: 8 }),
    log.job("middle", { seconds: 4 }),
  ], { width: 2, signal: NEVER });
  deepEqual(log.begun, ["long", "middle", "short", "alone 1 beside 0", "alone 2 beside 0"]);
  equal(log.most, 2);
});

Deno.test("a job waits for what it needs, also where that fails, while others run", async () => {
  for (const outcome of ["arrives", "fails"]) {
    const log = new Log();
    const after = sleep(30).then(() => {
      if (outcome === "fails") throw new Error("it could not be had");
    });
    after.catch(() => {});
    await runAll([
      log.job("late", { seconds: 9, after }),
      ...["a", "b", "c"].map((name) => log.job(name)),
    ], { width: 2, signal: NEVER });
    deepEqual(log.begun, ["a", "b", "c", "late"]);
  }
});

Deno.test("after the signal no job begins", async () => {
  const log = new Log();
  const abort = new AbortController();
  const jobs = ["a", "b", "c", "d"].map((name) => log.job(name));
  const last = log.job("last", { alone: true });
  setTimeout(() => abort.abort(), 1);
  await runAll([...jobs, last], { width: 2, signal: abort.signal });
  deepEqual(log.begun, ["a", "b"]);
});
