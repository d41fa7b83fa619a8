/** Tests of a finished run started again: its result answers only for the data and the options that it was made with. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png, writePhotoFolder } from "../support/photo_files.ts";

const SMALL: readonly string[] = [
  ...["--dataset_name=folder", "--resnet_type=resnet18", "--image_size=32", "--hidden_dim=16"],
  ...["--z_dim=8", "--batch_size=8", "--nb_epochs=1", "--nb_epochs_warmup=0", "--lr_init=0.1"],
  ...["--nb_epochs_clsf=1", "--batch_size_clsf=8", "--clsf_augment=false", "--eval_at_end"],
  ...["--clsf_every=1", "--max_steps=1", "--threads=1", "--nb_workers=1", "--tensorboard=false"],
];

Deno.test("a finished run answers only for what it was run on", async () => {
  await inFolder(async (folder) => {
    const [base, other, moved, retested] = ["base", "other", "moved", "retested"].map((name) =>
      join(folder, name)
    ) as [string, string, string, string];
    for (const path of [base, moved, retested]) await writePhotoFolder(path, 4);
    await writePhotoFolder(other, 5);
    Deno.writeFileSync(join(retested, "val", "n01", "n01_9.JPEG"), png(40, 30, 999));
    const run = join(folder, "run");
    const start = (...args: string[]): Promise<Outcome> =>
      byol("train", ...SMALL, `--run_dir=${run}`, "--format=json", ...args);
    const first = await start(`--data_dir=${base}`);
    equal(first.code, 0, first.stderr);
    const filesOfRun = (): string[] => [...Deno.readDirSync(run)].map(({ name }) => name).sort();
    const files = filesOfRun();
    const schedule = join(folder, "schedule.json");
    Deno.writeTextFileSync(schedule, JSON.stringify({ view1: { brightness: 0.1 } }));

    const refusals: [string[], number, RegExp][] = [
      [[`--data_dir=${other}`], 4, /its data has the digest/],
      [[`--data_dir=${join(folder, "none")}`], 3, /Cannot find the images/],
      [[`--data_dir=${retested}`], 4, /its test data has the digest/],
      [[`--data_dir=${base}`, `--aug_schedule=${schedule}`], 4, /its augmentations differ/],
      [
        [`--data_dir=${base}`, "--accumulate_steps=2"],
        4,
        /--accumulate_steps=1 there, 2 here/,
      ],
      [[`--data_dir=${base}`, "--max_batch_per_rank=4"], 4, /--accumulate_steps=1 there, 2 here/],
    ];
    for (const [args, code, message] of refusals) {
      const found = await start(...args);
      equal(found.code, code, `${args.join(" ")}: ${found.stdout}${found.stderr}`);
      match(found.stderr, message);
      equal(found.stdout, "", args.join(" "));
    }
    // The same images elsewhere are the same images; nothing was trained, lost or left by the refusals.
    for (const dir of [base, moved]) {
      const again = await start(`--data_dir=${dir}`, "--nb_workers=2");
      equal(again.code, 0, again.stderr);
      match(again.stderr, /is finished: nothing is left to do/);
      deepEqual(JSON.parse(again.stdout), JSON.parse(first.stdout));
    }
    deepEqual(filesOfRun(), files);
    // The way to more is named.
    const text = await start(`--data_dir=${base}`, "--format=text");
    match(text.stderr, /for more epochs, give a larger --nb_epochs .*--resume=\S+step-000000001/);
  });
});
