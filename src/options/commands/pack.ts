/** The options of `pack`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** Default JPEG quality of resized images. */
export const DEFAULT_QUALITY = 90;

/** `deno task pack`. */
export const PACK = {
  name: "pack",
  summary: "Packs a folder of images into WebDataset shards, for --data_dir of train and eval",
  examples: [["--data_dir=DIR --out=DIR"], ["--out=DIR --verify"]],
  options: {
    dataDir: {
      option: "data_dir",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder with train/ and val/, with class folders, or with images",
      default: null,
      defaultText: "none: needed except with --verify",
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "Folder of the shards. An interrupted packing is continued",
      required: true,
    },
    maxSide: {
      option: "max_side",
      value: { kind: "integer", least: 8, most: 65535 },
      placeholder: "PIXELS",
      help: "Resize larger images: largest length of the shorter side",
      default: null,
      defaultText: "no resizing: images are copied byte for byte",
    },
    quality: {
      option: "quality",
      value: { kind: "integer", least: 1, most: 100 },
      help: "JPEG quality of resized images",
      default: null,
      defaultText: `${DEFAULT_QUALITY}`,
    },
    imagesPerShard: {
      option: "images_per_shard",
      value: { kind: "integer", least: 1, most: 1e8 },
      help: "Images in a shard",
      default: 10_000,
    },
    workers: {
      option: "nb_workers",
      value: { kind: "integer", least: 1, most: 256 },
      help: "Threads",
      default: null,
      defaultText: "the cores this process may use",
    },
    maxBadFraction: {
      option: "max_bad_fraction",
      value: { kind: "number", least: 0, most: 1 },
      help:
        "Largest share of files that may be unusable, from 0 to 1, of the training and of the test images each",
      default: null,
      defaultText: "the larger of 1 % and 8 files, at most a tenth",
    },
    verify: {
      option: "verify",
      value: { kind: "flag" },
      help: "Check the checksums of the shards in --out, and pack nothing",
      default: false,
    },
  },
} as const satisfies CommandSpec;
