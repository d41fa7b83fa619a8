/** Tests of folders of photos whose halves, or whose output, could be taken for something that they are not. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png, writePhotoFolder } from "../support/photo_files.ts";

const TRAIN: readonly string[] = [
  ...["train", "--dataset_name=folder", "--resnet_type=resnet18", "--hidden_dim=16", "--z_dim=8"],
  ...["--batch_size=8", "--image_size=32", "--threads=1", "--nb_workers=1", "--max_steps=1"],
];

function namesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? [name, ...namesBelow(join(folder, name))] : [name]
  ).sort();
}

/** Runs `doctor`, which asks other programs. */
async function examined(args: readonly string[]): ReturnType<typeof byol> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "src/cli.ts", ...args],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Moves the images of val/ out of their class folders. */
function flatten(val: string): void {
  for (const { name } of [...Deno.readDirSync(val)]) {
    for (const file of [...Deno.readDirSync(join(val, name))]) {
      Deno.renameSync(join(val, name, file.name), join(val, file.name));
    }
    Deno.removeSync(join(val, name));
  }
}

Deno.test("an output among the images is refused before anything is made", () =>
  inFolder(async (folder) => {
    const flat = join(folder, "flat");
    Deno.mkdirSync(flat);
    for (let index = 0; index < 8; index++) {
      Deno.writeFileSync(join(flat, `${index}.png`), png(32, 32, index));
    }
    const halves = join(folder, "halves");
    await writePhotoFolder(halves, 4);
    Deno.symlinkSync(flat, join(folder, "link"));
    const before = namesBelow(folder);
    const data = ["--dataset_name=folder", `--data_dir=${flat}`];
    const among = join(flat, "a", "run");
    const others = join(halves, "train", "run");
    for (
      const args of [
        [...TRAIN, `--data_dir=${flat}`, `--run_dir=${flat}`, "--clsf_every=0"],
        [...TRAIN, `--data_dir=${flat}`, `--run_dir=${among}`, "--clsf_every=0"],
        [...TRAIN, `--data_dir=${flat}`, `--run_dir=${folder}/link/run`, "--clsf_every=0"],
        [...TRAIN, `--data_dir=${folder}/none`, `--run_dir=${folder}/none/run`, "--clsf_every=0"],
        [...TRAIN, `--data_dir=${halves}`, `--run_dir=${others}`],
        [
          ...[...TRAIN, `--data_dir=${flat}`, `--run_dir=${folder}/run`, "--clsf_every=0"],
          ...["--trace_steps=1", `--trace_dir=${flat}/traces`],
        ],
        ["views", `--out=${join(flat, "views.png")}`, ...data],
        ["pack", `--out=${join(flat, "packed")}`, `--data_dir=${flat}`],
      ]
    ) {
      const { code, stderr } = await byol(...args);
      equal(code, ExitCode.usage, `${args.join(" ")}: ${stderr}`);
      match(stderr, /Cannot write to --\w+=\S+: it is in \S+, the folder of the images/);
      deepEqual(namesBelow(folder), before, args.join(" "));
    }
    const beside = [...TRAIN, `--data_dir=${halves}`, `--run_dir=${halves}/run`, "--clsf_every=0"];
    const trained = await byol(...beside);
    equal(trained.code, 0, trained.stderr);
  }));

Deno.test("a val/ of images without class folders is named as such by every command", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    await writePhotoFolder(data, 8);
    flatten(join(data, "val"));
    const dataDir = `--data_dir=${data}`;
    const doctor = ["doctor", dataDir];
    for (
      const [code, args] of [
        [ExitCode.data, [...TRAIN, dataDir, `--run_dir=${folder}/run`, "--clsf_every=1"]],
        [ExitCode.data, ["pack", dataDir, `--out=${folder}/packed`]],
        [ExitCode.setup, [...doctor, "--dataset_name=folder", "--clsf_every=1"]],
        [ExitCode.setup, [...doctor, "--dataset_name=imagenet"]],
      ] as const
    ) {
      const found = await (args[0] === "doctor" ? examined(args) : byol(...args));
      equal(found.code, code, `${args.join(" ")}: ${found.stdout}${found.stderr}`);
      match(found.stdout + found.stderr, /val\/ holds images and no class folders/);
    }
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["data"]);
  }));

Deno.test("training alone takes the training half, whatever the case of its name, or none", () =>
  inFolder(async (folder) => {
    const outer = join(folder, "outer");
    const data = join(outer, "Set");
    await writePhotoFolder(data, 8);
    for (const [name, usual] of [["train", "Train"], ["val", "Val"]] as const) {
      Deno.renameSync(join(data, name), join(data, usual));
      Deno.writeTextFileSync(join(data, `${name}.json`), '{"images": [], "annotations": []}');
    }
    const train = (dataDir: string): ReturnType<typeof byol> =>
      byol(...TRAIN, `--data_dir=${dataDir}`, `--run_dir=${folder}/run`, "--clsf_every=0");
    const deep = await train(outer);
    equal(deep.code, ExitCode.data, deep.stderr);
    match(deep.stderr, /Set holds Train\/ and Val\/, expected --data_dir=\S+Set/);
    equal((await train(data)).code, 0);
    const inTrain = await byol("pack", `--data_dir=${data}`, `--out=${folder}/packed`);
    match(inTrain.stdout, /train: 16 images in 1 shard [^]*val: 8 images in 1 shard /);
    const record = JSON.parse(Deno.readTextFileSync(join(folder, "run", "config.json")));
    const { byol: part } = JSON.parse(
      Deno.readTextFileSync(join(folder, "packed", "train.json")),
    );
    equal(record.data.digest, part.digest);
  }));
