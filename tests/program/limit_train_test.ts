/** Tests of the images that --limit_train keeps, in training and in evaluations of what was trained. */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { byol, type Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png } from "../support/photo_files.ts";

const SMALL: readonly string[] = [
  ...["--dataset_name=folder", "--resnet_type=resnet18", "--hidden_dim=16", "--z_dim=8"],
  ...["--batch_size=8", "--image_size=32", "--threads=1"],
];

/** Writes train/ with ten classes of ten images, and val/ with two of each; names begin with the prefix. */
function writeClasses(folder: string, prefix = "class"): void {
  for (const [half, each] of [["train", 10], ["val", 2]] as const) {
    for (let label = 0; label < 10; label++) {
      const path = join(folder, half, `${prefix}_${label}`);
      Deno.mkdirSync(path, { recursive: true });
      for (let index = 0; index < each; index++) {
        Deno.writeFileSync(join(path, `${index}.png`), png(32, 32, 10 * label + index));
      }
    }
  }
}

/** Trains a step on 20 of the images. */
async function trained(dataDir: string, run: string, ...more: string[]): Promise<Outcome> {
  return await byol(
    ...["train", ...SMALL, `--data_dir=${dataDir}`, `--run_dir=${run}`, "--limit_train=20"],
    ...["--max_steps=2", "--clsf_every=0", ...more],
  );
}

/** Returns the names of the training images that an embedding with a checkpoint takes, and its outcome. */
async function namesOf(
  checkpoint: string,
  dataDir: string,
  ...more: string[]
): Promise<{ names: string[]; outcome: Outcome }> {
  const out = await Deno.makeTempDir();
  try {
    const outcome = await byol(
      ...["embed", `--checkpoint=${checkpoint}`, `--data_dir=${dataDir}`, `--out=${out}/x.npy`],
      ...["--threads=1", ...more],
    );
    equal(outcome.code, 0, outcome.stderr);
    return { names: Deno.readTextFileSync(join(out, "x.names.txt")).trim().split("\n"), outcome };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

function newest(run: string): string {
  const [{ name } = { name: "" }] = [...Deno.readDirSync(join(run, "checkpoints"))];
  return join(run, "checkpoints", name);
}

/** Counts names by their first folder. */
function perClass(names: readonly string[]): number[] {
  return [...Map.groupBy(names, (name) => name.split("/")[0]).values()].map(({ length }) => length);
}

const NOTE = /All training images are used: the checkpoint's --limit_train=20 was for other images/;

Deno.test("of folders and shards --limit_train takes a share of each class, the same every time", () =>
  inFolder(async (folder) => {
    const [data, other, run] = ["data", "other", "run"].map((name) => join(folder, name));
    writeClasses(data!);
    writeClasses(other!, "kind");
    const first = await trained(data!, run!);
    equal(first.code, 0, first.stderr);
    const record = JSON.parse(Deno.readTextFileSync(join(run!, "config.json")));
    equal(record.data.limit, "share");
    const checkpoint = newest(run!);

    const kept = await namesOf(checkpoint, data!, "--nb_workers=1");
    deepEqual(perClass(kept.names), new Array(10).fill(2));
    ok(!NOTE.test(kept.outcome.stderr), kept.outcome.stderr);
    notEqual(kept.names.filter((name) => /\/[01]\.png$/.test(name)).length, 20, "the first two");
    deepEqual((await namesOf(checkpoint, data!, "--nb_workers=3")).names, kept.names);

    const packed = join(folder, "packed");
    const made = await byol("pack", `--data_dir=${data}`, `--out=${packed}`);
    equal(made.code, 0, made.stderr);
    deepEqual((await namesOf(checkpoint, packed)).names, kept.names);
    const shards = await trained(packed, join(folder, "shards"));
    equal(shards.code, 0, shards.stderr);
    deepEqual((await namesOf(newest(join(folder, "shards")), data!)).names, kept.names);

    // Of other images all count, unless the command says otherwise.
    const others = await namesOf(checkpoint, other!);
    equal(others.names.length, 100);
    match(others.outcome.stderr, NOTE);
    const asked = await namesOf(checkpoint, other!, "--limit_train=30");
    deepEqual(perClass(asked.names), new Array(10).fill(3));
    ok(!NOTE.test(asked.outcome.stderr), asked.outcome.stderr);
  }));

Deno.test("an evaluation keeps a checkpoint's --limit_train for the same images alone", () =>
  inFolder(async (folder) => {
    const [data, other, run] = ["data", "other", "run"].map((name) => join(folder, name));
    writeClasses(data!);
    writeClasses(other!, "kind");
    equal((await trained(data!, run!)).code, 0);
    for (const [dataDir, isOther] of [[data, false], [other, true]] as const) {
      const found = await byol(
        ...["eval", `--checkpoint=${newest(run!)}`, `--data_dir=${dataDir}`, "--threads=1"],
        ...["--clsf_augment=false", "--nb_epochs_clsf=1", "--format=json"],
      );
      equal(found.code, 0, found.stderr);
      equal(NOTE.test(found.stderr), isOther, found.stderr);
    }
    // A data set with fewer images than the checkpoint's limit is evaluated, too.
    await Deno.remove(join(other!, "train"), { recursive: true });
    Deno.renameSync(join(other!, "val"), join(other!, "train"));
    const few = join(folder, "few");
    equal((await trained(data!, few, "--limit_train=50")).code, 0);
    equal((await namesOf(newest(few), other!)).names.length, 20);
  }));

Deno.test("a run of an earlier version, which took the first images, is not resumed on others", () =>
  inFolder(async (folder) => {
    const [data, run] = ["data", "run"].map((name) => join(folder, name));
    writeClasses(data!);
    equal((await trained(data!, run!)).code, 0);
    const file = join(run!, "config.json");
    const record = JSON.parse(Deno.readTextFileSync(file));
    delete record.data.limit;
    Deno.writeTextFileSync(file, JSON.stringify(record));
    // Both where it is finished and where it is to train on.
    for (const steps of ["--max_steps=2", "--max_steps=4"]) {
      const again = await trained(data!, run!, steps);
      equal(again.code, ExitCode.runFolder, again.stderr);
      match(again.stderr, /--limit_train took the first images.* a share of each class here/);
    }
  }));

Deno.test("of the demo --limit_train takes the first images", () =>
  inFolder(async (folder) => {
    const run = join(folder, "run");
    const made = await byol(
      ...["train", "--limit_train=20", "--max_steps=1", "--batch_size=8", "--hidden_dim=16"],
      ...["--z_dim=8", "--threads=1", `--run_dir=${run}`],
    );
    equal(made.code, 0, made.stderr);
    const out = join(folder, "x.npy");
    const embedded = await byol("embed", `--checkpoint=${newest(run)}`, `--out=${out}`);
    equal(embedded.code, 0, embedded.stderr);
    const names = Deno.readTextFileSync(join(folder, "x.names.txt")).trim().split("\n");
    deepEqual(names, Array.from({ length: 20 }, (_, index) => String(index)));
    const { data } = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
    equal(data.limit, "first");
  }));
