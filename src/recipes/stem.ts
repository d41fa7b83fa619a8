/**
 * Choice of the encoder's stem.
 *
 * @module
 */

import type { DatasetName } from "./views.ts";

/** A stem: ImageNet's 7×7 convolution and pooling, which divide the side by 4, or CIFAR-10's 3×3 convolution. */
export type Stem = "imagenet" | "cifar";

/** Values of `--stem`. */
export const STEMS = ["auto", "imagenet", "cifar"] as const;

/** The largest side of views, in pixels, for which photos get the stem for small images. */
export const SMALL_SIDE = 48;

/**
 * Returns the stem of a network: the given one; else, under "auto", that of the data set: ImageNet's for photos. resnet20
 * has the stem for small images alone.
 */
export function stemOf(
  { datasetName, resnetType, stem = "auto" }: {
    datasetName: DatasetName;
    resnetType?: string;
    stem?: typeof STEMS[number];
  },
): Stem {
  if (resnetType === "resnet20") return "cifar";
  if (stem !== "auto") return stem;
  return datasetName === "imagenet" || datasetName === "folder" ? "imagenet" : "cifar";
}
