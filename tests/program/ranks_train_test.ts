import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import {
  checkpointOf,
  type Ended,
  freePort,
  rowsOf,
  start,
  startRank,
  startRanks,
  TINY,
  trained,
} from "../support/ranks_run.ts";
import { inFolder } from "../support/in_folder.ts";
import {
  doubles,
  largestDifference,
  norm,
  type Numbers,
  readSafetensors,
} from "../support/safetensors.ts";

const DOUBLE = ["--dtype=float64", "--max_steps=10", "--trace_steps=1"];

/** Runs it to its end and returns its folder. */
async function run(folder: string, name: string, ...args: string[]): Promise<string> {
  const runDir = join(folder, name);
  const ended = await start([...TINY, `--run_dir=${runDir}`, ...args]).ended;
  equal(ended.code, 0, `${name}: ${ended.stderr}`);
  return runDir;
}

function state(runDir: string, step: number): Map<string, Numbers> {
  return readSafetensors(checkpointOf(runDir, step));
}

function trace(runDir: string, step: number, rank: number): Map<string, Numbers> {
  const suffix = rank === 0 ? "" : `.rank${rank}`;
  return readSafetensors(
    join(runDir, "traces", `trace-${String(step).padStart(6, "0")}${suffix}.safetensors`),
  );
}

function close(one: Map<string, Numbers>, other: Map<string, Numbers>, bound: number): void {
  const { name, difference } = largestDifference(one, other);
  ok(difference <= bound, `${name} differs by ${difference}, expected at most ${bound}`);
}

function same(one: string, other: string, step: number): void {
  const { name, difference } = largestDifference(state(one, step), state(other, step));
  equal(difference, 0, `${name} differs`);
}

function without(tensors: Map<string, Numbers>, pattern: RegExp): Map<string, Numbers> {
  return new Map([...tensors].filter(([name]) => !pattern.test(name)));
}

function copyRun(from: string, to: string): string {
  for (const part of ["", "checkpoints"]) {
    Deno.mkdirSync(join(to, part), { recursive: true });
    for (const { name, isFile } of Deno.readDirSync(join(from, part))) {
      if (isFile) Deno.copyFileSync(join(from, part, name), join(to, part, name));
    }
  }
  return to;
}

Deno.test("float64: after 10 steps any number of ranks holds what one rank with the whole batch holds", () =>
  inFolder(async (folder) => {
    const one = await run(folder, "one", ...DOUBLE);
    const two = await run(folder, "two", ...DOUBLE, "--ranks=2");
    const four = await run(folder, "four", ...DOUBLE, "--ranks=4");
    for (const several of [two, four]) close(state(one, 10), state(several, 10), 1e-9);
    const norms = (runDir: string): unknown[] =>
      rowsOf(runDir).filter(({ kind }) => kind === "train")
        .map(({ loss, embedding_std, effective_rank, gradient_norm }) =>
          [loss, embedding_std, effective_rank, gradient_norm].map((value) =>
            Number(value).toPrecision(9)
          ).join()
        );
    equal(norms(two).length, 10);
    equal(norms(two).join("\n"), norms(one).join("\n"));
    // An image's views are the same whoever makes them.
    const whole = trace(one, 0, 0);
    for (const view of ["view1", "view2"]) {
      const shares = [0, 1, 2, 3].flatMap((rank) => [...doubles(trace(four, 0, rank).get(view)!)]);
      equal(shares.join(), doubles(whole.get(view)!).join());
    }
    // A run cut on 2 ranks resumes on 1 or 4.
    const cut = await run(folder, "cut", ...DOUBLE, "--ranks=2", "--max_steps=5");
    for (const ranks of [1, 4]) {
      const resumed = copyRun(cut, join(folder, `resumed${ranks}`));
      await run(folder, `resumed${ranks}`, ...DOUBLE, `--ranks=${ranks}`);
      close(state(two, 10), state(resumed, 10), 1e-9);
    }
  }));

Deno.test("float64: a pass for each view, and micro-batches", () =>
  inFolder(async (folder) => {
    const separate = ["--dtype=float64", "--max_steps=3", "--bn_views=separate"];
    const one = await run(folder, "one", ...separate);
    close(state(one, 3), state(await run(folder, "two", ...separate, "--ranks=2"), 3), 1e-9);

    const inTwo = ["--dtype=float64", "--max_steps=3", "--accumulate_steps=2"];
    const accumulated = await run(folder, "in_two", ...inTwo);
    const both = await run(folder, "both", ...inTwo, "--ranks=2");
    close(state(accumulated, 3), state(both, 3), 1e-9);
    // A limit on what a rank computes at once is as many micro-batches as it takes: the same bits.
    const limited = ["--dtype=float64", "--max_steps=3"];
    same(accumulated, await run(folder, "limited", ...limited, "--max_batch_per_rank=8"), 3);
    same(both, await run(folder, "few", ...limited, "--max_batch_per_rank=5", "--ranks=2"), 3);
    // Two ranks that each normalise their own half are one that computes the halves in turn. Running statistics are
    // rank 0's there and move twice a step here.
    const apart = ["--dtype=float64", "--max_steps=3", "--ranks=2", "--sync_bn=false"];
    const halves = await run(folder, "halves", ...apart);
    const learned = (runDir: string): Map<string, Numbers> =>
      without(state(runDir, 3), /running_|num_batches/);
    close(learned(accumulated), learned(halves), 1e-9);
    // Joint statistics are another thing: if they were not, the tests above would show nothing.
    const joint = await run(folder, "joint", "--dtype=float64", "--max_steps=3");
    ok(largestDifference(learned(joint), learned(halves)).difference > 1e-6);
  }));

Deno.test("float64: the rotation auxiliary on ranks, in micro-batches and after a resume", () =>
  inFolder(async (folder) => {
    const rotated = ["--dtype=float64", "--rotation_weight=1.6"];
    const one = await run(folder, "one", ...rotated, "--max_steps=4");
    const two = await run(folder, "two", ...rotated, "--max_steps=4", "--ranks=2");
    close(state(one, 4), state(two, 4), 1e-9);
    const rotations = (runDir: string): unknown[] =>
      rowsOf(runDir).filter(({ kind }) => kind === "train")
        .map(({ rotation_loss: loss, rotation_top1: top1 }) => [Number(loss).toFixed(9), top1]);
    equal(rotations(one).length, 4);
    equal(rotations(two).join("\n"), rotations(one).join("\n"));
    const cut = await run(folder, "cut", ...rotated, "--max_steps=2");
    await run(folder, "cut", ...rotated, "--max_steps=4");
    same(cut, one, 4);
    // Sixteen images count as 24: two micro-batches keep to 12.
    const inTwo = await run(folder, "in_two", ...rotated, "--max_steps=2", "--accumulate_steps=2");
    const limited = await run(
      folder,
      "limited",
      ...[...rotated, "--max_steps=2", "--max_batch_per_rank=12"],
    );
    same(inTwo, limited, 2);
    const both = [...rotated, "--max_steps=2", "--accumulate_steps=2", "--ranks=2"];
    close(state(inTwo, 2), state(await run(folder, "both", ...both), 2), 1e-9);

    // A run without the auxiliary is as it was, and neither takes up the other.
    const plain = await run(folder, "plain", "--dtype=float64", "--max_steps=2");
    equal([...state(plain, 2).keys()].filter((name) => name.includes("rotation")).length, 0);
    const other = [`--resume=${checkpointOf(plain, 2)}`, `--run_dir=${folder}/other`];
    const refused = await start([...TINY, ...rotated, ...other]).ended;
    equal(refused.code, 5, refused.stderr);
    match(refused.stderr, /with --rotation_weight=1\.6: it was trained with --rotation_weight=0/);
    const exported = readSafetensors(join(one, "encoder.safetensors"));
    equal([...exported.keys()].filter((name) => /rotation|^[0-9]/.test(name)).length, 0);
  }));

Deno.test("float32: the first step is that of one rank, ranks hold the same bits, and a resume continues them", () =>
  inFolder(async (folder) => {
    const traced = ["--trace_steps=3"];
    const one = await run(folder, "one", ...traced, "--max_steps=1");
    for (const ranks of [2, 4]) {
      const whole = await run(folder, `${ranks}`, ...traced, "--max_steps=4", `--ranks=${ranks}`);
      const loss = (runDir: string): number =>
        rowsOf(runDir).find(({ kind, step }) => kind === "train" && step === 0)?.loss as number;
      ok(Math.abs(loss(whole) - loss(one)) <= 1e-3 * loss(one));
      const [expected, found] = [trace(one, 0, 0), trace(whole, 0, 0)];
      let compared = 0;
      for (const [name, gradient] of expected) {
        // The predictor's normalisation takes away what this bias adds: its true gradient is zero.
        if (!name.startsWith("grad.") || name === "grad.projector.3.bias") continue;
        const [wanted, got] = [doubles(gradient), doubles(found.get(name)!)];
        const difference = norm(wanted.map((value, index) => value - got[index]!));
        ok(difference <= 1e-3 * norm(gradient), `${name}: ${difference} of ${norm(gradient)}`);
        compared++;
      }
      ok(compared > 60, `${compared} gradients`);
      for (let rank = 1; rank < ranks; rank++) {
        const after = (of: number): Map<string, Numbers> =>
          new Map([...trace(whole, 2, of)].filter(([name]) => /\.after\.|^grad\./.test(name)));
        equal(largestDifference(after(0), after(rank)).difference, 0, `rank ${rank}`);
      }
      const cut = await run(folder, `cut${ranks}`, "--max_steps=2", `--ranks=${ranks}`);
      await run(folder, `cut${ranks}`, "--max_steps=4", `--ranks=${ranks}`);
      same(cut, whole, 4);
    }
  }));

Deno.test("a signal to one rank stops all at the same step, and rank 0 alone writes", () =>
  inFolder(async (folder) => {
    const runDir = join(folder, "run");
    const args = [...TINY, `--run_dir=${runDir}`, "--log_every=4"];
    const port = freePort();
    const first = startRank(0, { ranks: 2, port }, args);
    // What rank 1 wrote to the run folder would be refused by Deno.
    const second = startRank(1, { ranks: 2, port }, args, ["--deny-write"]);
    await trained(runDir, 1);
    second.child.kill("SIGTERM");
    const ended: Ended[] = await Promise.all([first.ended, second.ended]);
    for (const { code, stderr } of ended) equal(code, 75, stderr);
    equal(ended[1]!.stderr, "");
    const names = [...Deno.readDirSync(join(runDir, "checkpoints"))].map(({ name }) => name);
    equal(names.length, 1);
    const step = Number(/\d+/.exec(names[0]!)?.[0]);
    ok(step > 0 && step % 4 === 0, `stopped at step ${step}`);
    // At most log_every steps later than the last one that was logged before the signal came.
    const logged = rowsOf(runDir).filter(({ kind }) => kind === "train").length;
    ok(logged * 4 >= step, `${logged} rows for ${step} steps`);
  }));

Deno.test("the one task of a job, which may run no program, does not start ranks", async () => {
  const { code, stderr } = await start([...TINY, "--ranks=2"], {}, { permissions: ["--deny-run"] })
    .ended;
  equal(code, 2, stderr);
  match(
    stderr,
    /^Cannot start 2 ranks: .*\(--allow-run\); expected deno task, or --ntasks=2 of Slurm$/m,
  );
});

Deno.test("after ten seconds a rank says whom it waits for, and what made it a rank", async () => {
  const args = [...TINY, "--batch_size=48", "--init_timeout=11"];
  const slurm = {
    ...{ SLURM_STEP_ID: "0", SLURM_JOB_ID: "1", SLURM_PROCID: "0", SLURM_LOCALID: "0" },
    ...{ SLURM_STEP_NUM_TASKS: "4", SLURM_STEP_NODELIST: "localhost" },
  };
  const port = freePort();
  const [zero, one, task] = await Promise.all([
    startRank(0, { ranks: 3, port }, args).ended,
    startRank(1, { ranks: 2, port: freePort() }, args).ended,
    start(args, { ...slurm, MASTER_PORT: `${freePort()}` }).ended,
  ]);
  const first = "Waiting for ranks 1, 2 of 3 ranks, at most --init_timeout=11 s";
  match(zero.stderr, new RegExp(`^${first}: RANK and WORLD_SIZE are set; .* unset both$`, "m"));
  match(one.stderr, /^Waiting for rank 0 at 127\.0\.0\.1:\d+ of 2 ranks, at most .* unset both$/m);
  match(
    task.stderr,
    /^Waiting for ranks 1, 2, 3 of 4 .*: this is one of the 4 tasks of a step of/m,
  );
  for (const { code, stderr } of [zero, one, task]) equal(code, 9, stderr);
});

Deno.test("the launcher keeps stdout for the result and prefixes the rest; its code is the worst", () =>
  inFolder(async (folder) => {
    const args = [...TINY, `--run_dir=${join(folder, "run")}`, "--max_steps=2", "--format=json"];
    const { code, stdout, stderr } = await start([...args, "--ranks=2"]).ended;
    equal(code, 0, stderr);
    equal(JSON.parse(stdout).step, 2);
    for (const line of stderr.trim().split("\n")) match(line, /^\[rank 0\] /);
    const refused = await start([...args, "--ranks=3"]).ended;
    equal(refused.code, 2);
    match(refused.stderr, /--batch_size=16 on 3 ranks: expected a multiple of 3/);
    const again = await start([...args, "--ranks=2", "--resume=never"]).ended;
    equal(again.code, 4, again.stderr);
    match(again.stderr, /\[rank 0\] Cannot start a new run/);
    match(again.stderr, /\[rank 1\] Cannot continue: rank 0 on \S+ ended: Cannot start a new run/);
  }));

Deno.test("ranks that srun or torchrun started are not started again", async () => {
  const [alone] = startRanks(1, () => [...TINY, "--ranks=2"]);
  const { code, stderr } = await alone!.ended;
  equal(code, 2);
  match(stderr, /--ranks=2 among the 1 ranks that torchrun started/);
});
