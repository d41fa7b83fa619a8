/** The options of `views`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** Number of images on a contact sheet. */
export const SHEET_IMAGES = 16;

/** `deno task views`. */
export const VIEWS = {
  name: "views",
  summary: `Draws ${SHEET_IMAGES} training images beside their views as one PNG`,
  examples: [
    ["--out=views.png"],
    ["--out=views.png --preset=cifar10_tuned --seed=1"],
    ["--out=views.png --dataset_name=folder --data_dir=DIR"],
    ["--out=late.png --aug_schedule=FILE.json --step=5000"],
  ],
  options: {
    out: {
      option: "out",
      value: { kind: "path", endings: [".png"] },
      help: "The PNG file to write",
      required: true,
    },
    step: {
      option: "step",
      value: { kind: "integer", least: 0, most: LARGEST_COUNT },
      help: "Step whose views are drawn, for augmentations that move",
      default: 0,
    },
  },
  beside: ["train"],
  remarks: [
    "Data set, preset, augmentations and seed decide on the sheet. The images are those of the step in a training " +
    `with --batch_size=${SHEET_IMAGES}.`,
  ],
} as const satisfies CommandSpec;
