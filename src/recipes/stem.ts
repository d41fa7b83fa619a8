/**
 * Choice of the encoder's stem.
 *
 * @module
 */

import type { DatasetName } from "./views.ts";

/**
 * Returns the stem for a data set: ImageNet's 7×7 convolution and pooling, which divide the side by 4, for photos; one
 * 3×3 convolution for images of 32 pixels.
 */
export function stemOf({ datasetName }: { datasetName: DatasetName }): "imagenet" | "cifar" {
  return datasetName === "imagenet" || datasetName === "folder" ? "imagenet" : "cifar";
}
