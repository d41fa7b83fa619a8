/** The options of `views`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** Images on a sheet. */
export const SHEET_IMAGES = 16;

/** `deno task views`. */
export const VIEWS = {
  name: "views",
  summary: `Draws both views of ${SHEET_IMAGES} training images as one PNG, to be looked at`,
  examples: [
    ["--out=views.png"],
    ["--out=views.png --preset=cifar10_tuned --seed=1"],
    ["--out=views.png --dataset_name=folder --data_dir=DIR"],
    ["--out=late.png --aug_schedule=FILE.json --step=5000"],
  ],
  options: {
    out: {
      option: "out",
      value: { kind: "path" },
      help: "The file to write",
      required: true,
    },
    step: {
      option: "step",
      value: { kind: "integer", least: 0, most: LARGEST_COUNT },
      help: "The step whose views are drawn, for augmentations that move",
      default: 0,
    },
  },
  beside: ["train"],
  remarks: [
    "Data set, preset, augmentations and seed decide what is drawn. The images are those that training " +
    `at --batch_size=${SHEET_IMAGES} sees in that step.`,
  ],
} as const satisfies CommandSpec;
