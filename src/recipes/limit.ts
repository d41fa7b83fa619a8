/** Rules by which `--limit_train` chooses images. */

import { type DatasetName, isCifar } from "./views.ts";

/**
 * Rule of a choice of training images. "first": the first images of the data set. "share": the same share of each class,
 * of a class those whose names have the smallest SHA-256 (native/src/data/limit.rs).
 */
export type LimitRule = "first" | "share";

/** Returns the rule for a data set; undefined without a limit. Images of CIFAR and of the demo lie in no order. */
export function limitRuleOf(
  { datasetName, limitTrain }: { datasetName: DatasetName; limitTrain: number | null },
): LimitRule | undefined {
  if (limitTrain === null) return undefined;
  return isCifar(datasetName) || datasetName === "demo" ? "first" : "share";
}
