/** The options of `embed`, as data. */

import type { CommandSpec } from "../../base/command_line.ts";

/** `deno task embed`. */
export const EMBED = {
  name: "embed",
  summary:
    "Embeds images by a checkpoint's encoder and writes the embeddings with labels and names",
  examples: [
    ["--checkpoint=FILE --out=features.npy"],
    ["--checkpoint=FILE --dataset_name=folder --data_dir=DIR --out=features.parquet"],
    ["--checkpoint=FILE --split=test --out=test.npy"],
  ],
  options: {
    out: {
      option: "out",
      value: { kind: "path", endings: [".npy", ".parquet"] },
      help:
        "The file to write, whose ending decides the format. .npy: embeddings [images, features] in float32, " +
        "with PATH.labels.npy [images] in int64 and PATH.names.txt, one line per image. .parquet: one table " +
        "with the columns name, label, class and embedding (a list of floats)",
      required: true,
    },
    split: {
      option: "split",
      value: { kind: "choice", choices: ["train", "test", "held_out"] },
      help:
        "Split of the data set. A folder without val/ has no test images. held_out: the images that --hold_out kept " +
        "from training, which are not among those of train",
      default: "train",
    },
  },
  beside: ["eval"],
  remarks: [
    "Images are prepared as in evaluation: in the data set's order, by the test transform, without " +
    "augmentation. The name of an image is its path in the folder of photos, or its index. Unusable photos " +
    "are left out, and listed in FILE.bad_files.json beside the output.",
  ],
} as const satisfies CommandSpec;
