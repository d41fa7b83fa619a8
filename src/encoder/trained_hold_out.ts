/** The held-out images of a checkpoint (`--hold_out`) in an evaluation, or in a training that begins with it. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSamePath } from "../base/files.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { DatasetDescription } from "../native/dataset.ts";
import type { Origins, RunConfig } from "../options/config.ts";
import { type StoredOptions, storedOptions } from "../options/stored.ts";
import { heldOutOf, holdOutOf } from "../recipes/hold_out.ts";

/** Parts of a checkpoint's metadata on the images of its training; other programs write none. */
interface TrainedOn {
  data?: { digest?: string };
}

/** Options that say which images are held out. */
type Holding = Pick<RunConfig, "holdOut" | "datasetName" | "dataDir">;

/**
 * Returns the value of `--hold_out` for an evaluation. The checkpoint's value counts for images of its data set, also
 * where there are other ones by now; on those of another data set nothing is held out, unless a value is given.
 *
 * @param evaluated.path the checkpoint's file
 * @param evaluated.train description of the training images, all of them
 * @returns the value, null for none; and a note where it is not the checkpoint's
 * @throws UserError (checkpoint) for another value than the checkpoint's on its own images
 */
export function evaluatedHoldOut(
  { config, origins }: { config: RunConfig; origins: Origins },
  { path, train, found }: {
    path: string;
    train: Pick<DatasetDescription, "digest" | "found">;
    found: Pick<CheckpointDescription, "metadata">;
  },
): { holdOut: string | null; note?: string } {
  const { holdOut } = config;
  requireNoLeak(config, { path, train, metadata: found.metadata, use: "evaluate" });
  if (holdOut === null || origins.holdOut !== "checkpoint") return { holdOut };
  const { digest, trained } = trainingOf(found.metadata);
  if (digest === train.digest || trained.datasetName === config.datasetName) return { holdOut };
  return {
    holdOut: null,
    note: `No images are held out: the checkpoint's --hold_out=${holdOut} was for other images`,
  };
}

/**
 * Refuses a checkpoint that was trained on the same images with a smaller `--hold_out`: its encoder has learnt from
 * images that would be held out. An evaluation refuses a larger one, too: the probe would learn from images that were.
 *
 * @param checkpoint.use verb of what is refused
 * @throws UserError (checkpoint)
 */
export function requireNoLeak(
  config: Holding,
  { path, train, metadata, use }: {
    path: string;
    train: Pick<DatasetDescription, "digest" | "found">;
    metadata: CheckpointDescription["metadata"];
    use: "evaluate" | "begin with";
  },
): void {
  const { digest, trained } = trainingOf(metadata);
  const { datasetName, dataDir, holdOut: before = null } = trained;
  const isSamePlace = datasetName === config.datasetName && typeof dataDir === "string" &&
    config.dataDir !== null && isSamePath(dataDir, config.dataDir);
  if (datasetName === undefined || digest !== train.digest && !isSamePlace) return;
  const { holdOut } = config;
  const difference = differenceOf(before, holdOut, train.found.images);
  if (difference === 0 || difference < 0 && use === "begin with") return;
  const reason = difference < 0
    ? "the probe would learn from images that were held out"
    : "its encoder has learnt from images that would be held out";
  throw new UserError(
    `Cannot ${use} ${path} with --hold_out=${
      holdOut ?? "(none)"
    }: it was trained on these images with --hold_out=${
      before ?? "(none)"
    }, and ${reason}: expected ${before === null ? "no --hold_out" : `--hold_out=${before}`}`,
    ExitCode.checkpoint,
  );
}

/** Returns how much more `holdOut` takes than `before`, below 0 for less: images, or percentages where both are some. */
function differenceOf(before: string | null, holdOut: string | null, images: number): number {
  const percentages = percentOf(holdOut) - percentOf(before);
  if (!Number.isNaN(percentages)) return percentages;
  return heldOutOf(images, holdOut) - heldOutOf(images, before);
}

/** Returns the percentage of a value; NaN for a number of images. */
function percentOf(value: string | null): number {
  if (value === null) return 0;
  const amount = holdOutOf(value);
  return "percent" in amount ? amount.percent : NaN;
}

function trainingOf(
  metadata: CheckpointDescription["metadata"],
): { digest: string | undefined; trained: Partial<RunConfig> } {
  const found = metadata ?? {};
  return {
    digest: (found as TrainedOn).data?.digest,
    trained: storedOptions((found.config ?? {}) as StoredOptions),
  };
}
