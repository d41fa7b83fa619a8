import { equal, match, ok } from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { listCheckpoints } from "../../src/run/checkpoint.ts";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { worstOf } from "../../src/distributed/launch.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { type RankRecord, verdictOn } from "../../src/distributed/rendezvous.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { requireSetup } from "../../src/setup/record.ts";
import { Slowdown } from "../support/slowdown.ts";
import { copyCheckout } from "../support/copied_checkout.ts";
import {
  freePort,
  rowsOf,
  start,
  startRank,
  startRanks,
  startScript,
  TINY,
  trained,
} from "../support/ranks_run.ts";

const STEP_TIMEOUT = 4;

async function inFolder(body: (runDir: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(join(folder, "run"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** For 2 and for 3 ranks, and longer than any test waits. */
const LONG = ["--batch_size=48", "--nb_epochs=1000"];

for (
  const { ranks, victim, signal } of [
    { ranks: 2, victim: 1, signal: "SIGKILL" },
    { ranks: 2, victim: 0, signal: "SIGKILL" },
    { ranks: 3, victim: 2, signal: "SIGSTOP" },
    { ranks: 2, victim: 0, signal: "SIGSTOP" },
  ] as const
) {
  Deno.test(`${signal} to rank ${victim} of ${ranks}: the others end in time and name it`, () =>
    inFolder(async (runDir) => {
      const args = [...TINY, ...LONG, `--run_dir=${runDir}`, `--step_timeout=${STEP_TIMEOUT}`];
      const running = startRanks(ranks, () => args);
      const dead = running[victim]!;
      try {
        await trained(runDir, 2);
        await using slowdown = new Slowdown();
        const at = performance.now();
        dead.child.kill(signal);
        const others = running.filter((one) => one !== dead);
        for (const { code, stderr } of await Promise.all(others.map(({ ended }) => ended))) {
          equal(code, ExitCode.ranks, stderr);
          match(stderr, new RegExp(`rank ${victim} on ${hostname()} went silent`));
        }
        const seconds = (performance.now() - at) / 1000;
        // On an idle machine; other programs delay each step of the end.
        const allowed = STEP_TIMEOUT + 2 * slowdown.factor;
        ok(seconds <= allowed, `after ${seconds} s, allowed ${allowed}`);
      } finally {
        if (signal === "SIGSTOP") dead.child.kill("SIGKILL");
        await dead.ended;
      }
    }));
}

Deno.test("after the death of a rank the last checkpoint is whole, and the run resumes from it", () =>
  inFolder(async (runDir) => {
    const args = [...TINY, "--save_every_steps=2", `--run_dir=${runDir}`];
    const running = startRanks(2, () => args);
    await trained(runDir, 4);
    running[1]!.child.kill("SIGKILL");
    equal((await running[0]!.ended).code, ExitCode.ranks);
    await running[1]!.ended;
    const [newest] = listCheckpoints(join(runDir, "checkpoints"));
    equal(describeCheckpoint(newest!.path).metadata?.step, newest!.step);
    equal(describeCheckpoint(newest!.path).whole, true);
    const resumed = await start([...args, `--max_steps=${newest!.step + 1}`]).ended;
    equal(resumed.code, 0, resumed.stderr);
    equal(rowsOf(runDir).findLast(({ kind }) => kind === "run")?.step, newest!.step);
  }));

Deno.test("a collective that takes too long though all ranks live ends with code 9 and a name", async () => {
  const port = freePort();
  const args = [...TINY, "--step_timeout=2"];
  const ranks = [0, 1].map((rank) =>
    startScript("tests/support/slow_rank.ts", args, { rank, ranks: 2, port })
  );
  for (const { code, stderr } of await Promise.all(ranks.map(({ ended }) => ended))) {
    equal(code, ExitCode.ranks, stderr);
    match(
      stderr,
      /^Cannot continue: rank 0 on \S+ had no answer of the other ranks, which live: /m,
    );
    match(stderr, new RegExp(`rank 0 on ${hostname()} .* one within --step_timeout=2 s`));
  }
});

Deno.test("the ranks that the launcher started end together", () =>
  inFolder(async (runDir) => {
    const args = [...TINY, ...LONG, `--run_dir=${runDir}`, "--ranks=2", "--step_timeout=4"];
    const { child, ended } = start(args);
    await trained(runDir, 2);
    const ranks = await new Deno.Command("pgrep", { args: ["-P", `${child.pid}`] }).output();
    const pids = new TextDecoder().decode(ranks.stdout).trim().split("\n").map(Number);
    equal(pids.length, 2);
    Deno.kill(Math.max(...pids), "SIGKILL");
    const { code, stderr } = await ended;
    equal(code, 128 + 9, stderr);
    match(stderr, /\[rank 0\] Cannot continue: rank 1 on \S+ went silent/);
    match(stderr, /\[rank 1\] ended by SIGKILL/);
  }));

Deno.test("a rank that never comes is named, by rank 0 and to those that came", () =>
  inFolder(async (runDir) => {
    const args = [...TINY, "--batch_size=48", `--run_dir=${runDir}`, "--init_timeout=4"];
    const port = freePort();
    const came = [0, 2].map((rank) => startRank(rank, { ranks: 3, port }, args));
    for (const { code, stderr, seconds } of await Promise.all(came.map(({ ended }) => ended))) {
      equal(code, ExitCode.ranks, stderr);
      match(stderr, /Cannot run on 3 ranks: rank 1 did not connect within --init_timeout=4 s/);
      ok(seconds < 30);
    }
    const alone = await startRank(1, { ranks: 2, port: freePort() }, args).ended;
    equal(alone.code, ExitCode.ranks, alone.stderr);
    match(alone.stderr, /Cannot reach rank 0 at 127\.0\.0\.1:\d+ from rank 1/);
  }));

Deno.test("a port that another program has is an error on all ranks", () =>
  inFolder(async (runDir) => {
    using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
    const { port } = listener.addr;
    const args = [...TINY, `--run_dir=${runDir}`, "--init_timeout=3"];
    const [first, second] = await Promise.all(
      startRanks(2, () => args, port).map(({ ended }) => ended),
    );
    equal(first!.code, ExitCode.ranks, first!.stderr);
    match(first!.stderr, new RegExp(`Cannot open port ${port} for the 2 ranks: .*in use`));
    equal(second!.code, ExitCode.ranks, second!.stderr);
    match(second!.stderr, new RegExp(`Cannot reach rank 0 at 127.0.0.1:${port}`));
  }));

Deno.test("ranks with different options refuse each other on all of them", () =>
  inFolder(async (runDir) => {
    const args = (rank: number): string[] => [
      ...TINY,
      "--batch_size=48",
      `--run_dir=${runDir}`,
      `--seed=${rank % 2}`,
    ];
    for (const { code, stderr } of await Promise.all(startRanks(3, args).map((r) => r.ended))) {
      equal(code, ExitCode.usage, stderr);
      match(
        stderr,
        /rank 0 on \S+ and rank 1 on \S+ have different options: --seed is 0 on rank 0 and 1/,
      );
    }
  }));

Deno.test("ranks under different variables that change bits refuse each other on all of them", () =>
  inFolder(async (runDir) => {
    const args = [...TINY, "--max_steps=1", `--run_dir=${runDir}`];
    const port = freePort();
    const variables: Record<string, string>[] = [
      { MKL_CBWR: "COMPATIBLE" },
      { ONEDNN_MAX_CPU_ISA: "AVX2" },
    ];
    const ranks = variables.map((env, rank) => startRank(rank, { ranks: 2, port, env }, args));
    for (const { code, stderr } of await Promise.all(ranks.map(({ ended }) => ended))) {
      equal(code, ExitCode.usage, stderr);
      match(
        stderr,
        /rank 0 on \S+ and rank 1 on \S+ have different variables: MKL_CBWR is COMPATIBLE on rank 0 and not set on rank 1; ONEDNN_MAX_CPU_ISA is not set on rank 0 and AVX2 on rank 1; expected the same/,
      );
    }
  }));

Deno.test("ranks with different cores refuse each other on all of them", () =>
  inFolder(async (runDir) => {
    const root = copyCheckout(join(runDir, "../other"), { otherCore: true });
    const args = [...TINY, `--run_dir=${runDir}`];
    const port = freePort();
    const ranks = [startRank(0, { ranks: 2, port }, args)];
    ranks.push(startRank(1, { ranks: 2, port, root }, args));
    const [ours, theirs] = [requireSetup(), requireSetup(root)].map(({ hash }) =>
      hash.slice(0, 12)
    );
    for (const { code, stderr } of await Promise.all(ranks.map(({ ended }) => ended))) {
      equal(code, ExitCode.setup, stderr);
      match(stderr, new RegExp(`have different cores, ${ours} and ${theirs}, expected one`));
    }
  }));

Deno.test("threads, workers and the place of the data may differ from rank to rank", () => {
  const environment = { variable: () => undefined, exists: () => false, cores: 2 };
  const { config } = parseCommandLine("train", [], environment);
  const record: RankRecord = { host: "a", core: "0".repeat(64), config, variables: {} };
  const other = { ...config, threads: 7, nbWorkers: 3, dataDir: "/elsewhere" };
  equal("hosts" in verdictOn([record, { ...record, host: "b", config: other }]), true);
});

Deno.test("the worst exit code is the one that tells most", () => {
  equal(worstOf([0, 0]), 0);
  equal(worstOf([75, 75]), 75);
  equal(worstOf([75, 9]), 9);
  equal(worstOf([9, 137]), 137);
  equal(worstOf([7, 9, 9]), 7);
});
