import { deepEqual, equal, match, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "./child.ts";
import type { StampedLine } from "./counts.ts";

const NEVER = new AbortController().signal;

/** Runs a script of the shell. */
function shell(script: string, options: Partial<Parameters<typeof runProgram>[0]> = {}) {
  return runProgram({ words: ["sh", "-c", script], timeoutSeconds: 60, signal: NEVER, ...options });
}

/** Tells whether a process ends within 10 seconds. */
async function isGone(pid: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      if (/^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${Number(pid)}/status`))) return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
    await sleep(100);
  }
  return false;
}

Deno.test("both outputs are kept in their order, with the time of each line", async () => {
  const lines: StampedLine[] = [];
  const { success, output, stopped } = await shell(
    "echo a; echo b >&2; sleep 0.3; echo c; exit 3",
    {
      onLine: (line) => lines.push(line),
    },
  );
  deepEqual([success, output, stopped], [false, "a\nb\nc\n", undefined]);
  deepEqual(lines.map(({ text }) => text), ["a", "b", "c"]);
  ok(lines[2]!.seconds - lines[1]!.seconds >= 0.2, JSON.stringify(lines));
});

Deno.test("the seconds of processors are those of the program and its children, not of the clock", async () => {
  const busy = await shell("i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done");
  const idle = await shell("sleep 0.5");
  ok(busy.cpuSeconds > 0.02, JSON.stringify(busy));
  ok(idle.cpuSeconds < 0.3 && idle.seconds >= 0.5, JSON.stringify(idle));
});

Deno.test("a program that hangs is ended in time, with children that have left its group", async () => {
  const hangs = "echo $$; setsid sh -c 'echo $$; trap \"\" TERM; while :; do sleep 1; done' & wait";
  const { success, output, stopped } = await shell(hangs, { timeoutSeconds: 1 });
  deepEqual([success, stopped], [false, "it took more than 1 s"]);
  const pids = output.trim().split("\n");
  equal(pids.length, 2);
  for (const pid of pids) ok(await isGone(pid), `process ${pid} is still there`);
});

Deno.test("an interruption ends a program and what it started", async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 300);
  const { success, output, stopped } = await shell("echo $$; sleep 60 & wait", {
    signal: abort.signal,
  });
  deepEqual([success, stopped], [false, "it was interrupted"]);
  ok(await isGone(output.trim()));
});

Deno.test("what a program leaves running is ended and named, and holds nobody up", async () => {
  const { success, output, seconds } = await shell("setsid sleep 120 & echo $!");
  equal(success, true);
  match(output, /^\d+\nended what was left running: sleep 120\n$/);
  ok(await isGone(output.split("\n")[0]!));
  ok(seconds < 10, `${seconds} s`);
});
