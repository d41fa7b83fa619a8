import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { shorterSideOf } from "../../../src/data/image_size.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { inFolder } from "../../support/in_folder.ts";

/** The shorter sides of the fuzzer's seeds; undefined for BigTIFF. */
const SIDES = {
  "bmp-fields": 9,
  "bmp-palette": 9,
  "bmp-runs": 9,
  "pbm-bits": 9,
  "pgm-words": 2,
  "png-16": 7,
  "ppm-bytes": 9,
  "tiff-jpeg": 9,
  "tiff-lzw": 9,
  "tiff-multiplied": 9,
  "tiff-packbits-turned": 9,
  "tiff-palette": 9,
  "tiff-planar-16": 9,
  "tiff-tiles-big": undefined,
  "webp-animated": 30,
  "webp-lossless": 9,
  "webp-lossy": 9,
};

Deno.test("the size of an image of any kind is read from its header", () => {
  const seeds = join(projectRoot, "native", "fuzz", "seeds", "images");
  const found = Object.keys(SIDES).map((
    name,
  ) => [name, shorterSideOf({ path: join(seeds, name) })]);
  deepEqual(Object.fromEntries(found), SIDES);
});

Deno.test("a header that ends too early, or says nothing, gives no size", () =>
  inFolder((folder) => {
    const path = join(folder, "image");
    for (
      const text of [
        "II*\0",
        "RIFF\0\0\0\0WEBPVP9 ",
        "BM",
        "P6",
        "P6\nwide 9\n",
        "MM\0*\0\0\0\x08\0\x01",
      ]
    ) {
      Deno.writeTextFileSync(path, text);
      equal(shorterSideOf({ path }), undefined, JSON.stringify(text));
    }
  }));
