/** A list of image files as the data set: trained on, packed, evaluated, and refused where it cannot be read. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png } from "../support/photo_files.ts";
import { TINY } from "../support/program.ts";

/** Writes 24 images of three classes and a list of them; of class c no image is to test on. */
async function writeList(folder: string): Promise<string> {
  const lines = ["path,label,split"];
  await Deno.mkdir(join(folder, "images"));
  for (let index = 0; index < 24; index++) {
    const label = "abc"[index % 3]!;
    const split = index >= 18 && label !== "c" ? "val" : "train";
    await Deno.writeFile(join(folder, "images", `${index}.png`), png(36, 32, index));
    lines.push(`images/${index}.png,${label},${split}`);
  }
  await Deno.writeTextFile(join(folder, "list.csv"), `${lines.join("\n")}\n`);
  return join(folder, "list.csv");
}

const SMALL = [...TINY, "--image_size=32", "--batch_size=8", "--nb_epochs=1", "--max_steps=1"];

Deno.test("train, eval and pack take a list; classes go by name where some have no test images", () =>
  inFolder(async (folder) => {
    const list = await writeList(folder);
    const data = ["--dataset_name=folder", `--data_dir=${list}`];
    const [run, out] = [join(folder, "run"), join(folder, "packed")];
    const trained = await byol("train", ...data, ...SMALL, "--clsf_every=1", `--run_dir=${run}`);
    equal(trained.code, 0, trained.stderr);
    match(trained.stderr, /20 images of 3 classes in \S*list\.csv, to train on/);
    match(trained.stderr, /4 images of 2 classes in \S*list\.csv, to test on/);
    match(trained.stderr, /list\.csv has images of 2 of the 3 classes: labels go by the names/);

    const checkpoint = `--checkpoint=${join(run, "encoder.safetensors")}`;
    const evaluate = (...where: string[]): ReturnType<typeof byol> =>
      byol("eval", checkpoint, ...where, "--nb_epochs_clsf=1", "--format=json");
    const listed = await evaluate(...data);
    equal(listed.code, 0, listed.stderr);
    const found = JSON.parse(listed.stdout);
    equal(found.tested, 4);
    ok(JSON.stringify(found.per_class).includes('"class":"c","tested":0,"top1":null'));

    const packed = await byol("pack", `--data_dir=${list}`, `--out=${out}`);
    equal(packed.code, 0, packed.stderr);
    const shards = await evaluate("--dataset_name=folder", `--data_dir=${out}`);
    equal(shards.code, 0, shards.stderr);
    const { top1, knn_top1, confusion } = JSON.parse(shards.stdout);
    equal(
      JSON.stringify([top1, knn_top1, confusion]),
      JSON.stringify([found.top1, found.knn_top1, found.confusion]),
    );
  }));

Deno.test("a class to test on alone is refused by name, and a list without a split says what it lacks", () =>
  inFolder(async (folder) => {
    const list = await writeList(folder);
    const text = await Deno.readTextFile(list);
    const train = (...more: string[]): ReturnType<typeof byol> =>
      byol(
        ...["train", "--dataset_name=folder", `--data_dir=${list}`, ...SMALL, ...more],
        `--run_dir=${join(folder, "run")}`,
      );
    await Deno.writeTextFile(list, text.replace("18.png,a", "18.png,other"));
    const other = await train("--clsf_every=1");
    equal(other.code, 3, other.stderr);
    match(other.stderr, /its class other is none of the 3 classes to train on/);
    await Deno.writeTextFile(list, text.replaceAll(",val", ",train"));
    const alone = await train("--clsf_every=1");
    equal(alone.code, 3, alone.stderr);
    match(
      alone.stderr,
      /expected a column split with images to test on \(val\), or --hold_out=10%/,
    );
    await Deno.writeTextFile(list, text.replace("path,", "file,"));
    const columns = await train("--clsf_every=0");
    equal(columns.code, 3, columns.stderr);
    match(columns.stderr, /no column path but file, label, split/);
  }));
