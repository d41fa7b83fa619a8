/**
 * Which stem an encoder has.
 *
 * @module
 */

import type { DatasetName } from "./views.ts";

/** Photos have pixels to spare for ImageNet's 7×7 convolution and pooling; images of 32 pixels do not. */
export function stemOf({ datasetName }: { datasetName: DatasetName }): "imagenet" | "cifar" {
  return datasetName === "imagenet" || datasetName === "folder" ? "imagenet" : "cifar";
}
