import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { isGray } from "../../../src/data/image_colors.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { inFolder } from "../../support/in_folder.ts";
import { grayPng, png } from "../../support/photo_files.ts";

/** Colours of the fuzzer's seeds, as far as their headers tell. */
const GRAYS = {
  "bmp-palette": undefined,
  "pbm-bits": true,
  "pgm-words": true,
  "png-16": true,
  "ppm-bytes": false,
  "tiff-jpeg": false,
  "tiff-lzw": false,
  "tiff-packbits-turned": true,
  "tiff-palette": false,
  "webp-lossy": undefined,
};

Deno.test("gray images are told by their headers", () => {
  const seeds = join(projectRoot, "native", "fuzz", "seeds", "images");
  const found = Object.keys(GRAYS).map((name) => [name, isGray({ path: join(seeds, name) })]);
  deepEqual(Object.fromEntries(found), GRAYS);
});

Deno.test("a PNG or a JPEG is gray by its colour type, or its number of layers", () =>
  inFolder((folder) => {
    const path = join(folder, "image");
    const grayOf = (bytes: Uint8Array): boolean | undefined => {
      Deno.writeFileSync(path, bytes);
      return isGray({ path });
    };
    equal(grayOf(png(5, 4, 1)), false);
    equal(grayOf(grayPng(5, 255)), true);
    const jpeg = (layers: number) =>
      new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 9, 0, 9, layers, 1, 0x11, 0]);
    equal(grayOf(jpeg(1)), true);
    equal(grayOf(jpeg(3)), false);
    equal(grayOf(jpeg(3).subarray(0, 9)), undefined);
  }));
