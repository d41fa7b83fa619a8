/** The options of `pack`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** JPEG quality of images made smaller, where none is given. */
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
      help: "A folder with train/ and val/, or with class folders or images",
      default: null,
      defaultText: "none: needed except with --verify",
    },
    out: {
      option: "out",
      value: { kind: "path" },
      placeholder: "DIR",
      help: "The folder of the shards; an interrupted packing resumes",
      required: true,
    },
    maxSide: {
      option: "max_side",
      value: { kind: "integer", least: 8, most: 65535 },
      placeholder: "PIXELS",
      help: "Make larger images smaller: the shorter side is at most so long",
      default: null,
      defaultText: "all images stay as they are, byte for byte",
    },
    quality: {
      option: "quality",
      value: { kind: "integer", least: 1, most: 100 },
      help: "JPEG quality of images made smaller",
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
      help: "Share of the files that may be unusable",
      default: 0.0001,
    },
    verify: {
      option: "verify",
      value: { kind: "flag" },
      help: "Compare the checksums of the shards in --out instead",
      default: false,
    },
  },
} as const satisfies CommandSpec;
