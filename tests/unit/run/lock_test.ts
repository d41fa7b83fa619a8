import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { describeProcess } from "../../../src/native/process.ts";
import { liveHandles } from "../../../src/native/core.ts";
import { RunLock, type RunLockOptions } from "../../../src/run/lock.ts";
import { projectRoot } from "../../../src/setup/record.ts";

/** Runs `body` with a run folder; afterwards no object of the core is alive. */
function lockTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "byol-run-lock-" });
    try {
      await body(folder);
      equal(liveHandles(), 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function listening(beatMilliseconds = 10_000): RunLockOptions & { said: string[] } {
  const said: string[] = [];
  const log = (line: string): void => void said.push(line);
  return { said, log, signal: AbortSignal.timeout(60_000), beatMilliseconds };
}

/** Leaves the lock of another owner. @returns its file */
function leaveLock(folder: string, holder: Record<string, unknown>): string {
  Deno.mkdirSync(join(folder, "lock"));
  const file = join(folder, "lock", "owner.json");
  Deno.writeTextFileSync(file, JSON.stringify(holder));
  return file;
}

/** This process as an owner. */
function thisHolder(): Record<string, unknown> {
  return { host: hostname(), pid: Deno.pid, job: "7_3", ...describeProcess(Deno.pid) };
}

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    ok(error instanceof UserError, String(error));
    equal(error.exitCode, ExitCode.runFolder);
    match(error.message, message);
    return true;
  };
}

lockTest(
  "a second process is told the holder of the run folder, and the end leaves nothing",
  async (folder) => {
    {
      using _held = await RunLock.take(folder, listening());
      await rejects(
        RunLock.take(folder, listening()),
        refusal(
          new RegExp(
            `process ${Deno.pid} on ${hostname()}, since 2\\S+Z, whose last heartbeat was \\d+ s ago`,
          ),
        ),
      );
    }
    deepEqual([...Deno.readDirSync(folder)], []);
    using _again = await RunLock.take(folder, listening());
  },
);

lockTest("the message names the Slurm job", async (folder) => {
  leaveLock(folder, thisHolder());
  await rejects(RunLock.take(folder, listening()), refusal(/\(Slurm job 7_3\)/));
});

lockTest(
  "an earlier invocation of the same job is waited for, one that stays is named",
  async (folder) => {
    const before = Deno.env.get("SLURM_JOB_ID");
    Deno.env.set("SLURM_JOB_ID", "7");
    try {
      const child = new Deno.Command("sleep", { args: ["1"] }).spawn();
      const mine = { host: hostname(), job: "7", ...describeProcess(child.pid) };
      leaveLock(folder, { ...mine, pid: child.pid });
      const options = listening();
      const ended = child.status;
      {
        using _held = await RunLock.take(folder, options);
        match(
          options.said.join("\n"),
          /Waiting for process \d+ \(Slurm job 7\)[\s\S]*which is gone/,
        );
      }
      await ended;
      leaveLock(folder, { ...thisHolder(), job: "7" });
      await rejects(RunLock.take(folder, listening(20)), refusal(/\(Slurm job 7\)/));
    } finally {
      if (before === undefined) Deno.env.delete("SLURM_JOB_ID");
      else Deno.env.set("SLURM_JOB_ID", before);
    }
  },
);

lockTest("the lock of a process that is gone is taken over at once", async (folder) => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = describeProcess(child.pid);
  notEqual(identity.started, null);
  leaveLock(folder, { host: hostname(), pid: child.pid, ...identity });
  await rejects(RunLock.take(folder, listening()), refusal(new RegExp(`process ${child.pid} `)));
  child.kill("SIGKILL");
  await child.status;
  const options = listening();
  using _lock = await RunLock.take(folder, options);
  match(options.said.join("\n"), new RegExp(`over from process ${child.pid} on .* which is gone`));
});

lockTest("a process that only has the number of the owner is not the owner", async (folder) => {
  leaveLock(folder, { ...thisHolder(), started: "12" });
  using _lock = await RunLock.take(folder, listening());
});

lockTest("an owner on another host is gone after ten missed beats, not before", async (folder) => {
  leaveLock(folder, { ...thisHolder(), host: "another", beatMilliseconds: 100 });
  const options = listening(100);
  const began = performance.now();
  using _lock = await RunLock.take(folder, options);
  ok(performance.now() - began >= 1000, "it was not waited for ten beats");
  match(options.said.join("\n"), /Waiting for a heartbeat of process \d+ .* on another.*1 s/);
});

lockTest("an owner on another host whose heartbeat is seen keeps the lock", async (folder) => {
  const file = leaveLock(folder, { ...thisHolder(), machine: "another", beatMilliseconds: 1000 });
  const content = Deno.readTextFileSync(file);
  const beat = setTimeout(() => Deno.writeTextFileSync(file, content), 500);
  await rejects(RunLock.take(folder, listening()), refusal(/holds it/));
  clearTimeout(beat);
});

lockTest("a signal ends the wait for another host", async (folder) => {
  leaveLock(folder, { ...thisHolder(), host: "another" });
  const options = { ...listening(), signal: AbortSignal.timeout(200) };
  await rejects(RunLock.take(folder, options), { exitCode: ExitCode.interrupted });
});

lockTest("a lock that was removed or taken over is noticed, and not made again", async (folder) => {
  using lock = await RunLock.take(folder, listening());
  lock.check(0);
  await Deno.remove(lock.file);
  throws(() => lock.check(0), refusal(/somebody has removed it, or taken it over/));
  using _other = await RunLock.take(folder, listening());
  throws(() => lock.check(0), refusal(new RegExp(`now process ${Deno.pid} on`)));
  throws(() => lock.check(), refusal(/Lost the lock/));
});

lockTest("the thread itself notices the loss", async (folder) => {
  using lock = await RunLock.take(folder, listening(20));
  await Deno.remove(lock.file);
  for (let tries = 0; tries < 500; tries++) {
    await sleep(10);
    try {
      // Never looks itself.
      lock.check(2 ** 32 - 1);
    } catch (error) {
      return void refusal(/Lost the lock/)(error);
    }
  }
  throw new Error("the loss was not noticed within 5 s");
});

lockTest("the heart beats while JavaScript is busy", async (folder) => {
  using lock = await RunLock.take(folder, listening(20));
  const beats = new Set<number>();
  const content = Deno.readTextFileSync(lock.file);
  const until = performance.now() + 2000;
  while (performance.now() < until && beats.size < 5) {
    beats.add(Deno.statSync(lock.file).mtime?.getTime() ?? 0);
    equal(Deno.readTextFileSync(lock.file), content);
  }
  ok(beats.size >= 5, `${beats.size} beats within 2 s`);
  await Promise.resolve();
});

lockTest("what is no lock of this program is refused by name", async (folder) => {
  Deno.writeTextFileSync(join(folder, "lock"), "mine");
  await rejects(RunLock.take(folder, listening()), refusal(/Cannot lock the run folder/));
});

lockTest("of several starts at once on the run of a dead one, one wins", async (folder) => {
  leaveLock(folder, { ...thisHolder(), started: "12" });
  const script = `import { RunLock } from "./src/run/lock.ts";
const options = { log() {}, signal: AbortSignal.timeout(60_000) };
await Deno.stdout.write(new Uint8Array([10]));
await Deno.stdin.read(new Uint8Array(1));
try {
  using _lock = await RunLock.take(${JSON.stringify(folder)}, options);
  await Deno.stdout.write(new TextEncoder().encode("won"));
  await Deno.stdin.read(new Uint8Array(1));
} catch (error) {
  await Deno.stdout.write(new TextEncoder().encode(error.exitCode === 4 ? "told" : String(error)));
}`;
  const children = Array.from({ length: 4 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", script],
      cwd: projectRoot,
      stdin: "piped",
      stdout: "piped",
    }).spawn());
  const talks = children.map(({ stdin, stdout }) => ({
    stdin: stdin.getWriter(),
    stdout: stdout.getReader(),
  }));
  for (const { stdout } of talks) await stdout.read();
  await Promise.all(talks.map(({ stdin }) => stdin.write(new Uint8Array([10]))));
  const said = await Promise.all(
    talks.map(async ({ stdout }) => new TextDecoder().decode((await stdout.read()).value)),
  );
  await Promise.all(talks.map(({ stdin }) => stdin.close()));
  await Promise.all(children.map(({ status }) => status));
  deepEqual(said.sort(), ["told", "told", "told", "won"]);
  deepEqual([...Deno.readDirSync(folder)], []);
});
