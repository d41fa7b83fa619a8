/** Tests of image files that cannot be decoded: how many may be, and who is told. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png, writePhotoFolder } from "../support/photo_files.ts";

const TRAIN: readonly string[] = [
  ...["train", "--resnet_type=resnet18", "--hidden_dim=16", "--z_dim=8", "--batch_size=8"],
  ...["--image_size=32", "--threads=1", "--nb_workers=2", "--clsf_every=0"],
];

/** Writes 24 training and 24 test images, of which one each is damaged. */
async function writeDamaged(folder: string): Promise<void> {
  await writePhotoFolder(folder, 12);
  for (const name of ["n01", "n02"]) {
    for (let index = 4; index < 12; index++) {
      const path = join(folder, "val", name, `${name}_${index}.JPEG`);
      Deno.writeFileSync(path, png(40, 30, 50 + index));
    }
  }
  for (const half of ["train", "val"]) {
    const path = join(folder, half, "n01", "n01_1.JPEG");
    Deno.writeFileSync(path, Deno.readFileSync(path).subarray(0, 300));
  }
}

/** Runs the program with what ranks need, a port of this machine. */
async function onRanks(args: readonly string[]): Promise<Pick<Outcome, "code" | "stderr">> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "src/cli.ts", ...args],
    cwd: projectRoot,
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

interface Listed {
  train?: { index: number; reason: string }[];
  test?: { index: number; reason: string }[];
}

function listIn(path: string): Listed {
  return JSON.parse(Deno.readTextFileSync(path));
}

Deno.test("every evaluation counts, names and lists the files that it skips", () =>
  inFolder(async (folder) => {
    await writeDamaged(folder);
    const data = ["--dataset_name=folder", `--data_dir=${folder}`];
    const run = join(folder, "run");
    const trained = await byol(...TRAIN, ...data, `--run_dir=${run}`, "--max_steps=3");
    equal(trained.code, 0, trained.stderr);
    match(trained.stderr, /1 image file could not be used and was skipped: \S+n01_1\.JPEG: /);
    const [{ name } = { name: "" }] = [...Deno.readDirSync(join(run, "checkpoints"))];
    const checkpoint = join(run, "checkpoints", name);
    const list = checkpoint.replace(/safetensors$/, "bad_files.json");
    const evaluated = (...more: string[]): ReturnType<typeof onRanks> =>
      onRanks([
        ...["eval", ...data, `--checkpoint=${checkpoint}`, "--nb_epochs_clsf=1", "--threads=1"],
        ...["--batch_size_clsf=8", ...more],
      ]);
    for (
      const more of [
        ["--clsf_augment=false"],
        ["--clsf_augment"],
        ["--protocol=knn"],
        ["--protocol=finetune"],
        ["--protocol=knn", "--max_bad_fraction=0.5"],
        ["--clsf_augment=false", "--ranks=2"],
      ]
    ) {
      const { code, stderr } = await evaluated(...more);
      equal(code, 0, `${more}: ${stderr}`);
      match(
        stderr,
        /2 image files could not be used and were skipped: \S+train\/n01\/n01_1\.JPEG: .*val\/n01\/n01_1\.JPEG: /,
        more.join(" "),
      );
      const { train, test } = listIn(list);
      deepEqual([train?.length, test?.length, train?.[0]?.index], [1, 1, 1], more.join(" "));
      match(test?.[0]?.reason ?? "", /val\/n01\/n01_1\.JPEG/);
      Deno.removeSync(list);
    }
    // Where too many are bad, the list tells which.
    const strict = await evaluated("--max_bad_fraction=0", "--protocol=knn");
    equal(strict.code, ExitCode.data, strict.stderr);
    equal(listIn(list).train?.length, 1);

    const embedded = await byol(
      ...["embed", ...data, `--checkpoint=${checkpoint}`, `--out=${folder}/x.npy`, "--threads=1"],
    );
    equal(embedded.code, 0, embedded.stderr);
    match(embedded.stderr, /1 image file could not be used and was skipped: \S+n01_1\.JPEG: /);
    deepEqual(Object.keys(listIn(join(folder, "x.bad_files.json"))), ["train"]);
    const drawn = await byol("views", ...data, `--out=${folder}/x.png`, "--image_size=32");
    equal(drawn.code, 0, drawn.stderr);
  }));

Deno.test("one broken photo ends neither the training on a small folder nor its packing", () =>
  inFolder(async (folder) => {
    await writeDamaged(folder);
    const train = (name: string, ...more: string[]): Promise<Outcome> =>
      byol(
        ...[...TRAIN, `--data_dir=${folder}`, `--run_dir=${folder}/${name}`, "--max_steps=3"],
        ...more,
      );
    const small = await train("small", "--dataset_name=folder");
    equal(small.code, 0, small.stderr);
    equal(listIn(join(folder, "small", "bad_files.json")).train?.length, 1);
    // Images that are resized are decoded.
    const packed = await byol(
      ...["pack", `--data_dir=${folder}`, `--out=${folder}/packed`, "--max_side=24"],
    );
    equal(packed.code, 0, packed.stderr);
    match(packed.stdout, /1 image left out/);
    // More than a tenth are too many, and so is one where a share is given, or of ImageNet.
    for (
      const [index, more] of [
        ["--dataset_name=folder", "--max_bad_fraction=0.01"],
        ["--dataset_name=imagenet"],
      ].entries()
    ) {
      const refused = await train(`refused-${index}`, ...more);
      equal(refused.code, ExitCode.data, refused.stderr);
      match(refused.stderr, /1 of 24 images cannot be used, expected .*--max_bad_fraction=0/);
    }
    for (const index of [2, 3]) {
      Deno.writeTextFileSync(join(folder, "train", "n01", `n01_${index}.JPEG`), "no image");
    }
    const many = await train("many", "--dataset_name=folder");
    equal(many.code, ExitCode.data, many.stderr);
    match(many.stderr, /3 of 24 images cannot be used, expected at most 2, or a larger share/);
  }));
