import { deepEqual, equal, match, throws } from "node:assert/strict";
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { foldersOf, photoFolders } from "../../../src/data/photo_folders.ts";
import { inFolder } from "../../support/in_folder.ts";
import { png } from "../../support/photo_files.ts";

const IMAGE = png(4, 4, 0);

/** Writes a file at each path: an image, or a text. */
function write(folder: string, files: readonly string[], text?: string): void {
  for (const file of files) {
    const path = join(folder, file);
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (text === undefined) Deno.writeFileSync(path, IMAGE);
    else Deno.writeTextFileSync(path, text);
  }
}

/** Asserts that a folder is refused with a message. */
function refused(call: () => unknown, message: RegExp): void {
  throws(call, (error) => {
    match((error as Error).message, message);
    return error instanceof UserError && error.exitCode === ExitCode.data;
  });
}

const ofFolder = (dataDir: string): ReturnType<typeof photoFolders> =>
  photoFolders({ datasetName: "folder", dataDir });

Deno.test("halves are found under their usual names in any case", () =>
  inFolder((folder) => {
    for (
      const [train, test] of [
        ["train", "val"],
        ["Train", "Val"],
        ["TRAIN", "TEST"],
        ["training", "validation"],
        ["Training", "Valid"],
        ["train", "test"],
      ] as const
    ) {
      const root = join(folder, `${train}-${test}`);
      write(root, [`${train}/a/0.png`, `${test}/a/0.png`, "notes/readme.txt"]);
      deepEqual(ofFolder(root), { train: join(root, train), test: join(root, test) });
    }
    const root = join(folder, "three");
    write(root, ["train/a/0.png", "test/a/0.png", "val/a/0.png"]);
    deepEqual(ofFolder(root), { train: join(root, "train"), test: join(root, "val") });
    const alone = join(folder, "alone");
    write(alone, ["Train/a/0.png"]);
    deepEqual(ofFolder(alone), { train: join(alone, "Train"), test: undefined });
  }));

Deno.test("class folders keep their images, whatever their names", () =>
  inFolder((folder) => {
    for (
      const [name, classes] of Object.entries({
        plain: ["a", "b"],
        sports: ["Running", "Training"],
        deep: ["a/train", "b/x"],
        hidden: ["a", ".cache/train", ".cache/val"],
      })
    ) {
      const root = join(folder, name);
      write(root, classes.map((one) => `${one}/0.png`));
      deepEqual(ofFolder(root), { train: root, test: undefined }, name);
    }
  }));

Deno.test("a folder around the halves is refused by name: test images are not trained on", () =>
  inFolder((folder) => {
    for (const [name, halves] of [["one", "set"], ["two", "outer/set"], ["any", "Set"]] as const) {
      const root = join(folder, name);
      const [train, test] = name === "any" ? ["Training", "Test"] : ["train", "val"];
      write(root, [`${halves}/${train}/a/0.png`, `${halves}/${test}/a/0.png`]);
      const expected = new RegExp(`${join(root, halves)} .*expected --data_dir=`);
      refused(() => ofFolder(root), expected);
      refused(() => photoFolders({ datasetName: "imagenet", dataDir: root }), expected);
    }
    const beside = join(folder, "beside");
    write(beside, ["bottle/train/a/0.png", "bottle/test/a/0.png", "cable/train/a/0.png"]);
    refused(() => ofFolder(beside), /beside\/bottle holds train\/ and test\//);
  }));

Deno.test("halves of unusual names are refused, and halves that only their case tells apart", () =>
  inFolder((folder) => {
    for (
      const [name, halves, message] of [
        ["coco", ["train2017", "val2017"], /train2017\/ and val2017\//],
        ["images", ["images_train", "images_test"], /images_train\/ and images_test\//],
        ["sets", ["trainset", "testset"], /trainset\/ and testset\//],
        ["half", ["photos", "val"], /val\/ .*no train\//],
        ["cases", ["Train", "TRAIN", "val"], /TRAIN\/ and Train\//],
      ] as const
    ) {
      const root = join(folder, name);
      write(root, halves.map((one) => `${one}/a/0.png`));
      refused(() => ofFolder(root), message);
    }
  }));

Deno.test("annotations beside train/ and val/ are no shards; shards are", () =>
  inFolder((folder) => {
    const root = join(folder, "coco");
    write(root, ["train/a/0.png", "val/a/0.png"]);
    const folders = { train: join(root, "train"), test: join(root, "val") };
    for (
      const text of [
        JSON.stringify({ info: { year: 2017 }, images: [], annotations: [] }),
        JSON.stringify([{ file_name: "a/0.png", label: 0 }]),
        '{"__kind__": "something else"}',
        "",
        "no JSON",
      ]
    ) {
      write(root, ["train.json", "val.json"], text);
      deepEqual(ofFolder(root), folders, text);
    }
    write(root, ["train.json", "val.json"], '{\n  "__kind__": "wids-shard-index-v1"\n}');
    deepEqual(ofFolder(root), { train: join(root, "train.json"), test: join(root, "val.json") });
    // A damaged manifest of shards is not left aside: opening it tells what is wrong.
    const damaged = join(folder, "damaged");
    write(damaged, ["train.json", "train-000000.tar"], "");
    equal(ofFolder(damaged).train, join(damaged, "train.json"));
    const flat = join(folder, "flat");
    write(flat, ["0.png"]);
    write(flat, ["train.json"], "{}");
    deepEqual(ofFolder(flat), { train: flat, test: undefined });
  }));

Deno.test("a half without class folders beside one that has them is named", () =>
  inFolder((folder) => {
    for (
      const [name, files, message] of [
        [
          "val",
          ["train/a/0.png", "val/0.png"],
          /\/val: val\/ holds images and no class folders/,
        ],
        [
          "any",
          ["Train/a/0.png", "Test/0.JPEG", "Test/.cache/1.png"],
          /\/any: Test\/ holds images and no class folders/,
        ],
        [
          "train",
          ["train/0.png", "val/a/0.png"],
          /\/train: train\/ holds images and no class folders/,
        ],
      ] as const
    ) {
      const dataDir = join(folder, name);
      write(dataDir, files);
      for (const datasetName of ["folder", "imagenet"] as const) {
        refused(() => foldersOf({ datasetName, dataDir }, "train and test"), message);
      }
      // Nothing is evaluated, so nothing is refused.
      foldersOf({ datasetName: "folder", dataDir }, "train");
    }
    const both = join(folder, "both");
    write(both, ["train/0.png", "val/0.png"]);
    foldersOf({ datasetName: "folder", dataDir: both }, "train and test");
  }));
