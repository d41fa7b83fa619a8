/** The number of training images of a checkpoint (`--limit_train`) in an evaluation. */

import type { Origins, RunConfig } from "../options/config.ts";
import { type StoredOptions, storedOptions } from "../options/stored.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { DatasetDescription } from "../native/dataset.ts";
import { limitRuleOf } from "../recipes/limit.ts";

/** Parts of a checkpoint's metadata on the images of its training; earlier versions wrote fewer. */
interface TrainedOn {
  data?: { digest?: string; limit?: string };
}

/**
 * Returns the number of training images of an evaluation. The checkpoint's number counts for the images that it was
 * trained on; on other images all count.
 *
 * @param evaluated.train description of the training images, without a limit
 * @param evaluated.found description of the checkpoint
 * @returns the number, null for all; and a note where it or its images differ from the training's
 */
export function evaluatedLimit(
  { config, origins }: { config: RunConfig; origins: Origins },
  { train, found }: {
    train: Pick<DatasetDescription, "digest">;
    found: Pick<CheckpointDescription, "metadata">;
  },
): { limitTrain: number | null; note?: string } {
  const { limitTrain } = config;
  if (limitTrain === null || origins.limitTrain !== "checkpoint") return { limitTrain };
  const metadata = found.metadata ?? {};
  const { digest, limit = "first" } = (metadata as TrainedOn).data ?? {};
  const trained = storedOptions((metadata.config ?? {}) as StoredOptions);
  // Checkpoints of early versions name no digest: of CIFAR-10 and the demo the name tells.
  const isSame = digest === undefined
    ? trained.datasetName === config.datasetName && limitRuleOf(config) === "first"
    : digest === train.digest;
  if (!isSame) {
    return {
      limitTrain: null,
      note:
        `All training images are used: the checkpoint's --limit_train=${limitTrain} was for other images`,
    };
  }
  if (limit === limitRuleOf(config)) return { limitTrain };
  return {
    limitTrain,
    note:
      `The checkpoint was trained on the first ${limitTrain} images, as by earlier versions; --limit_train=` +
      `${limitTrain} takes a share of each class here`,
  };
}
