import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { shardedBatches } from "../../src/evaluate/linear.ts";
import { freePort, rowsOf, start, startRank, TINY, trained } from "../support/ranks_run.ts";
import { inFolder } from "../support/in_folder.ts";

/** An encoder that has trained for two steps. */
async function encoder(folder: string): Promise<string> {
  const runDir = join(folder, "run");
  const ended = await start([...TINY, "--max_steps=2", `--run_dir=${runDir}`]).ended;
  equal(ended.code, 0, ended.stderr);
  return join(runDir, "encoder.safetensors");
}

function evalArgs(checkpoint: string, ...more: string[]): string[] {
  return [
    "eval",
    `--checkpoint=${checkpoint}`,
    "--limit_train=300",
    "--nb_epochs_clsf=1",
    "--batch_size_clsf=100",
    "--threads=1",
    "--nb_workers=1",
    "--format=json",
    ...more,
  ];
}

Deno.test("every image is in one part of one rank, whatever the number of ranks", () => {
  for (const count of [1, 250, 251, 600, 1000, 10_007]) {
    for (const worldSize of [1, 2, 3, 7, 50]) {
      const times = new Uint8Array(count);
      const lengths = new Set<number>();
      const starts = new Set<number>();
      for (let rank = 0; rank < worldSize; rank++) {
        const mine = [...shardedBatches(count, { rank, worldSize })];
        lengths.add(mine.length);
        for (const { start, size } of mine.filter(({ size }) => size > 0)) {
          // The parts of one rank: what is embedded together is the same, to the last bit.
          equal(start % 250, 0);
          equal(size, Math.min(250, count - start));
          starts.add(start);
          for (let image = start; image < start + size; image++) times[image]! += 1;
        }
        equal(mine.reduce((sum, { ofAll }) => sum + ofAll, 0), count);
      }
      ok(times.every((number) => number === 1), `${count} images on ${worldSize} ranks`);
      // All take part in every round: their collectives meet.
      equal(lengths.size, 1);
      equal(starts.size, Math.ceil(count / 250));
    }
  }
});

Deno.test("eval on 2 and on 3 ranks finds what one rank finds, and tests every image once", () =>
  inFolder(async (folder) => {
    const checkpoint = await encoder(folder);
    // The probe on views that are drawn anew, on features with a choice of its learning rate, and by L-BFGS.
    const ways = [[], ["--clsf_augment=false", "--clsf_lr_sweep"], ["--protocol=logreg"]];
    for (const how of ways) {
      const found: Record<string, unknown>[] = [];
      for (const ranks of [1, 2, 3]) {
        const ended = await start(evalArgs(checkpoint, `--ranks=${ranks}`, ...how)).ended;
        equal(ended.code, 0, ended.stderr);
        // Of several ranks one prints the result.
        found.push(JSON.parse(ended.stdout));
      }
      equal(found[0]?.tested, 1000);
      ok(Number(found[0]?.knn_top1) > 10 && Number(found[0]?.top1) < 100);
      for (const other of found) deepEqual(other, found[0]);
    }
  }));

Deno.test("fine-tuning on 2 ranks is that of one rank to rounding", () =>
  inFolder(async (folder) => {
    const checkpoint = await encoder(folder);
    const found: { top1: number; confusion: number[][]; details: Record<string, number> }[] = [];
    for (const ranks of [1, 2]) {
      const ended = await start([
        ...evalArgs(checkpoint, "--protocol=finetune", `--ranks=${ranks}`, "--dtype=float64"),
        ...["--batch_size_clsf=128", "--nb_epochs_clsf=2", "--lr_init_clsf=0.1"],
      ]).ended;
      equal(ended.code, 0, ended.stderr);
      found.push(JSON.parse(ended.stdout));
    }
    const [one, two] = found;
    const [loss, other] = found.map(({ details }) => details.train_loss!);
    ok(Math.abs(loss! / other! - 1) < 1e-9, `${loss}, ${other}`);
    deepEqual(two!.confusion, one!.confusion);
    equal(one!.confusion.flat().reduce((sum, count) => sum + count, 0), 1000);
    for (
      const [more, message] of [
        [
          [],
          /on 2 ranks in batches of 100 images: expected a multiple of 64 .* such as --batch_size_clsf=64/,
        ],
        [["--limit_train=40"], /on 2 ranks in batches of 40 images: .*; use fewer ranks/],
      ] as const
    ) {
      const args = evalArgs(checkpoint, "--protocol=finetune", "--ranks=2", ...more);
      const { code, stderr } = await start(args).ended;
      equal(code, 2, stderr);
      match(stderr, message);
    }
  }));

Deno.test("train on 2 ranks evaluates as on one", () =>
  inFolder(async (folder) => {
    const rows = [];
    for (const ranks of [1, 2]) {
      const runDir = join(folder, `${ranks}`);
      const ended = await start([
        ...TINY,
        // In float64 the trained weights are those of one rank to 1e-9, too.
        "--dtype=float64",
        "--limit_train=96",
        "--clsf_every=1",
        "--max_steps=2",
        "--eval_at_end",
        "--nb_epochs_clsf=1",
        "--clsf_augment=false",
        `--ranks=${ranks}`,
        `--run_dir=${runDir}`,
      ]).ended;
      equal(ended.code, 0, ended.stderr);
      rows.push(rowsOf(runDir).filter(({ kind }) => kind === "eval"));
    }
    equal(rows[0]?.length, 1);
    deepEqual(rows[1], rows[0]);
    equal(rows[0]?.[0]?.tested, 1000);
  }));

Deno.test("a signal to one rank ends an evaluation on all of them", () =>
  inFolder(async (folder) => {
    const checkpoint = await encoder(folder);
    const args = evalArgs(checkpoint, "--nb_epochs_clsf=1000");
    const port = freePort();
    const ranks = [0, 1].map((rank) => startRank(rank, { ranks: 2, port }, args));
    await ranks[0]!.shown(/evaluating/);
    ranks[1]!.child.kill("SIGTERM");
    for (const { code, stderr, stdout } of await Promise.all(ranks.map(({ ended }) => ended))) {
      equal(code, 75, stderr);
      match(stderr, /Interrupted before the evaluation was done/);
      equal(stdout, "");
    }
  }));

Deno.test("an evaluation that a signal ended in a training on 2 ranks is made up by the next invocation", () =>
  inFolder(async (folder) => {
    const runDir = join(folder, "run");
    const args = [
      ...TINY,
      ...[`--run_dir=${runDir}`, "--limit_train=64", "--nb_epochs=3", "--clsf_every=1"],
      ...["--nb_epochs_clsf=5", "--log_every=100"],
    ];
    const port = freePort();
    const ranks = [0, 1].map((rank) => startRank(rank, { ranks: 2, port }, args));
    // Logged at the end of the first epoch, where an evaluation is due.
    await trained(runDir, 1);
    ranks[1]!.child.kill("SIGTERM");
    for (const { code, stderr } of await Promise.all(ranks.map(({ ended }) => ended))) {
      equal(code, 75, stderr);
    }
    const { code, stderr } = await start([...args, "--ranks=2"]).ended;
    equal(code, 0, stderr);
    const evaluated = rowsOf(runDir).filter(({ kind }) => kind === "eval").map(({ step }) => step);
    deepEqual(evaluated, [0, 4, 8, 12]);
  }));

Deno.test("ranks that would evaluate otherwise refuse each other", () =>
  inFolder(async (folder) => {
    const checkpoint = await encoder(folder);
    const port = freePort();
    const ranks = [0, 1].map((rank) =>
      startRank(rank, { ranks: 2, port }, evalArgs(checkpoint, `--lr_init_clsf=0.${rank + 1}`))
    );
    for (const { code, stderr } of await Promise.all(ranks.map(({ ended }) => ended))) {
      equal(code, 2, stderr);
      match(stderr, /Cannot run together: .*--lr_init_clsf is 0\.1 on rank 0 and 0\.2 on rank 1/);
    }
  }));
