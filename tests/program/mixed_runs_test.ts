/** Tests that the files of two runs are never mixed: a checkpoint and rows of metrics belong to the run that wrote them. */

import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { join } from "node:path";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { checkpointOf, rowsOf } from "../support/ranks_run.ts";

const SMALL: readonly string[] = [
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--limit_train=64", "--nb_epochs=2"],
  ...["--clsf_every=0", "--log_every=1", "--threads=1", "--nb_workers=1", "--tensorboard=false"],
];

/** Starts a training of so many steps in a folder. */
function start(run: string, steps: number, ...args: string[]): Promise<Outcome> {
  return byol("train", ...SMALL, `--run_dir=${run}`, `--max_steps=${steps}`, ...args);
}

/** Fails where an invocation is not refused with a message, or leaves the folder other than it was. */
async function requireRefused(
  run: string,
  args: readonly string[],
  { code, message }: { code: number; message: RegExp },
): Promise<void> {
  const listed = (): string[] => [...Deno.readDirSync(run)].map(({ name }) => name).sort();
  const before = [listed(), rowsOf(run).length];
  const found = await start(run, 4, ...args);
  equal(found.code, code, `${args.join(" ")}: ${found.stderr}`);
  match(found.stderr, message);
  deepEqual([listed(), rowsOf(run).length], before);
}

Deno.test("without config.json the checkpoint's own options are compared", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    equal((await start(run, 2)).code, 0);
    const record = join(run, "config.json");
    const begun = JSON.parse(Deno.readTextFileSync(record));
    Deno.removeSync(record);
    Deno.removeSync(join(run, "result.json"));
    const schedule = join(folder, "schedule.json");
    Deno.writeTextFileSync(schedule, JSON.stringify({ view1: { brightness: 0.1 } }));

    const refusals: [string[], RegExp][] = [
      [["--seed=5", "--lr_init=0.5"], /--lr_init=\S+ there, 0\.5 here; --seed=0 there, 5 here/],
      [[`--aug_schedule=${schedule}`], /its augmentations differ/],
      [["--resume=never"], /it holds checkpoints/],
      [[`--resume=${checkpointOf(run, 2)}`, "--seed=5"], /--seed=0 there, 5 here/],
    ];
    for (const [args, message] of refusals) await requireRefused(run, args, { code: 4, message });

    // The same options resume it, and the record that is written again tells no lies.
    const resumed = await start(run, 4);
    equal(resumed.code, 0, resumed.stderr);
    match(resumed.stderr, /config\.json .*is written again/);
    const again = JSON.parse(Deno.readTextFileSync(record));
    for (const field of ["lr_init", "seed", "run_dir"]) {
      equal(again.config[field], begun.config[field]);
    }
    deepEqual([again.data, again.augmentation], [begun.data, begun.augmentation]);
    deepEqual(rowsOf(run).filter(({ kind }) => kind === "train").map(({ step }) => step), [
      0,
      1,
      2,
      3,
    ]);
  });
});

Deno.test("a checkpoint of another run is not taken for the run's own", async () => {
  await inFolder(async (folder) => {
    const [run, other] = [join(folder, "run"), join(folder, "other")];
    equal((await start(run, 2)).code, 0);
    equal((await start(other, 3, "--seed=5")).code, 0);
    Deno.removeSync(join(run, "result.json"));
    Deno.copyFileSync(checkpointOf(other, 3), checkpointOf(run, 3));
    await requireRefused(run, [], {
      code: 4,
      message: /step-000000003\.safetensors: .*another run.*--seed=5 there, 0 here/,
    });
    Deno.removeSync(checkpointOf(run, 3));
    equal((await start(run, 4)).code, 0);
  });
});

Deno.test("a run that begins takes over no rows of metrics that lie in its folder", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    Deno.mkdirSync(run);
    const alien = { kind: "eval", step: 0, epoch: 0, top1: 99, top5: 99, knn_top1: 99 };
    Deno.writeTextFileSync(join(run, "metrics.jsonl"), `${JSON.stringify(alien)}\n`);
    const begun = await start(run, 1);
    equal(begun.code, 0, begun.stderr);
    match(begun.stderr, /held rows of another run/);
    equal(rowsOf(run).some(({ kind }) => kind === "eval"), false);
    const kept = [...Deno.readDirSync(run)].find(({ name }) => name.startsWith("metrics.jsonl."));
    notEqual(kept, undefined);
  });
});
