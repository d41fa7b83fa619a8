/** Tests that a command which is refused leaves nothing behind. */

import { deepEqual, doesNotMatch, equal, match, notEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { writePhotoFolder } from "../support/photo_files.ts";

const CHECKPOINT = join(projectRoot, "checkpoints", "byol_demo_resnet20.safetensors");
const SMALL: readonly string[] = [
  ...["--hidden_dim=16", "--z_dim=8", "--threads=1", "--nb_workers=1", "--max_steps=1"],
];

/** Everything below a folder, in order. */
function everythingIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? [name, ...everythingIn(join(folder, name)).map((below) => join(name, below))]
      : [name]
  ).sort();
}

Deno.test("a training that is refused leaves no folder behind, and an empty one empty", async () => {
  await inFolder(async (folder) => {
    const none = join(folder, "none");
    const photos = join(folder, "photos");
    await writePhotoFolder(photos, 4);
    Deno.mkdirSync(join(folder, "empty"));
    const before = everythingIn(folder);
    const cases: readonly (readonly string[])[] = [
      ["--batch_size=6000"],
      ["--dataset_name=folder", `--data_dir=${none}`],
      ["--dataset_name=cifar10", `--data_dir=${none}`, "--offline"],
      [`--aug_schedule=${none}`],
      [`--resume=${none}`],
      [`--init_from=${none}`],
      [
        ...["--dataset_name=folder", `--data_dir=${photos}`, "--batch_size=8", "--image_size=32"],
        ...["--resnet_type=resnet18", `--init_from=${CHECKPOINT}`],
      ],
    ];
    for (const [index, args] of cases.entries()) {
      const run = index % 2 === 0 ? join(folder, "a", "b", "run") : join(folder, "empty");
      const { code, stderr } = await byol("train", ...SMALL, `--run_dir=${run}`, ...args);
      notEqual(code, 0, `${args.join(" ")}: ${stderr}`);
      notEqual(code, 1, `${args.join(" ")}: ${stderr}`);
      deepEqual(everythingIn(folder), before, args.join(" "));
    }
  });
});

Deno.test("an export, a packing and a submission that are refused leave no folder behind", async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "a", "out");
    for (
      const args of [
        ["export", `--checkpoint=${CHECKPOINT}`, "--to=torchvision", `--out=${out}`],
        ["pack", "--dataset_name=folder", `--data_dir=${join(folder, "none")}`, `--out=${out}`],
        ["submit", `--run_dir=${out}`, "--seed=x"],
        ["submit", `--run_dir=${out}`, "--resume=never"],
        // There is no sbatch here.
        ["submit", `--run_dir=${out}`],
      ]
    ) {
      const { code, stderr } = await byol(...args);
      notEqual(code, 0, `${args.join(" ")}: ${stderr}`);
      deepEqual(everythingIn(folder), [], `${args.join(" ")}: ${stderr}`);
    }
    equal(everythingIn(folder).length, 0);
  });
});

Deno.test("accuracies among too few classes are given with a word on them", async () => {
  await inFolder(async (folder) => {
    const common = ["--clsf_augment=false", "--nb_epochs_clsf=1", "--batch_size_clsf=4"];
    const options = [
      ...[...SMALL, ...common, "--dataset_name=folder", "--resnet_type=resnet18", "--batch_size=4"],
      ...["--image_size=32", "--nb_epochs=1", "--clsf_every=1", "--eval_at_end", "--lr_init=0.1"],
      "--tensorboard=false",
    ];
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    for (const photos of [one, two]) await writePhotoFolder(photos, 4);
    for (const split of ["train", "val"]) {
      await Deno.remove(join(one, split, "n02"), { recursive: true });
    }
    for (
      const [photos, note] of [[one, /every accuracy is 100 %/], [
        two,
        /of 2 classes: top-5/,
      ]] as const
    ) {
      const run = join(folder, "run", basename(photos));
      const command = ["train", ...options, `--data_dir=${photos}`, `--run_dir=${run}`];
      const trained = await byol(...command);
      equal(trained.code, 0, trained.stderr);
      match(trained.stderr, note);
      const again = await byol(...command);
      match(again.stderr, /is finished/);
      match(again.stderr, note);
      const checkpoint = join(run, "encoder.safetensors");
      const found = await byol(
        "eval",
        `--checkpoint=${checkpoint}`,
        `--data_dir=${photos}`,
        "--threads=1",
      );
      equal(found.code, 0, found.stderr);
      match(found.stderr, note);
    }
    const knn = await byol(
      ...["eval", `--checkpoint=${join(folder, "run", "two", "encoder.safetensors")}`],
      ...[`--data_dir=${two}`, "--protocol=knn", "--threads=1"],
    );
    equal(knn.code, 0, knn.stderr);
    doesNotMatch(knn.stderr, /top-5|every accuracy/);
    doesNotMatch(knn.stdout, /top-5/);
  });
});
