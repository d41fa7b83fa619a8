import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { shorterSideOf } from "../../../src/data/image_size.ts";
import { surveyPhotos } from "../../../src/data/photo_survey.ts";
import type { PhotoSurvey } from "../../../src/options/photo_recipe.ts";
import { byol } from "../../support/byol.ts";
import { inFolder } from "../../support/in_folder.ts";
import { png, writePhotoFolder } from "../../support/photo_files.ts";

function survey(dataDir: string): PhotoSurvey | undefined {
  return surveyPhotos({ datasetName: "folder", dataDir });
}

function write(path: string, bytes: Uint8Array = png(40, 30, 1)): void {
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.writeFileSync(path, bytes);
}

Deno.test("a folder and its shards have the same number and size of images", async () => {
  await inFolder(async (root) => {
    const photos = join(root, "photos");
    await writePhotoFolder(photos, 9);
    // Each class has shorter sides of 30 to 36 pixels, and of 30 and 31 again.
    const found = { count: 18, side: 32, tested: 8, classes: 2 };
    deepEqual(survey(photos), found);
    const shards = join(root, "shards");
    const { code, stderr } = await byol("pack", `--data_dir=${photos}`, `--out=${shards}`);
    equal(code, 0, stderr);
    deepEqual(survey(shards), found);
    Deno.writeTextFileSync(join(shards, "train.json"), '{"__kind__": "wids-shard-index-v1"}');
    equal(survey(shards), undefined);
  });
});

Deno.test("what the listing leaves out is not counted", async () => {
  await inFolder((root) => {
    for (const name of ["a/1.png", "a/deep/er/2.PNG", "b/3.jpg", "b/4.JPEG"]) {
      write(join(root, "train", name));
    }
    for (const name of [".cache/1.png", "a/@eaDir/1.png", "a/._1.png", "a/notes.txt", "b/1.gif"]) {
      write(join(root, "train", name));
    }
    write(join(root, "val/a/1.png"));
    deepEqual(survey(root), { count: 4, side: 30, tested: 1, classes: 2 });
  });
});

Deno.test("one class, no classes or no val/ leave nothing to evaluate on", async () => {
  await inFolder((root) => {
    for (const name of ["one/train/a/1.png", "one/val/a/1.png", "flat/1.png"]) {
      write(join(root, name));
    }
    for (const name of ["none/a/1.png", "none/b/1.png"]) write(join(root, name));
    for (const name of ["one", "flat", "none"]) equal(survey(join(root, name))?.tested, 0, name);
    equal(survey(join(root, "missing")), undefined);
    Deno.mkdirSync(join(root, "empty"));
    equal(survey(join(root, "empty")), undefined);
  });
});

Deno.test("the size is read from the header, behind segments of any length", async () => {
  await inFolder((root) => {
    const path = join(root, "image");
    const sideOf = (...bytes: number[]): number | undefined => {
      write(path, new Uint8Array(bytes));
      return shorterSideOf({ path });
    };
    const segment = [0xff, 0xe1, 0, 4, 9, 9];
    const frame = [0xff, 0xc2, 0, 17, 8, 1, 0x2c, 0, 200, 3];
    equal(sideOf(0xff, 0xd8, ...segment, 0xff, ...frame), 200);
    // A table of Huffman codes is no frame.
    equal(sideOf(0xff, 0xd8, 0xff, 0xc4, 0, 5, 1, 2, 3, ...frame), 200);
    for (const bytes of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xe1], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      equal(sideOf(...bytes), undefined);
    }
    write(path, png(21, 45, 1));
    equal(shorterSideOf({ path }), 21);
    write(path, new Uint8Array([...new Uint8Array(100), ...png(21, 45, 1)]));
    equal(shorterSideOf({ path, offset: 100 }), 21);
    equal(shorterSideOf({ path: join(root, "missing") }), undefined);
  });
});
