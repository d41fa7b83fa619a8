/** Restriction of the training images to the number that `--limit_train` gives. */

import type { Dataset } from "../native/dataset.ts";
import { heldOutOf } from "../recipes/hold_out.ts";
import { limitRuleOf } from "../recipes/limit.ts";
import type { RunConfig } from "../options/config.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";

/**
 * Keeps the number of training images that `--limit_train` gives; without it, all.
 *
 * @throws UserError (data) where there are fewer
 */
export function limitTraining(
  train: Dataset,
  config: Pick<RunConfig, "datasetName" | "limitTrain">,
): void {
  const rule = limitRuleOf(config);
  if (rule === undefined || config.limitTrain === null) return;
  try {
    train.limit({ count: config.limitTrain, rule });
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}

/** Returns the numbers of images that `--hold_out` holds out of `images`, and that are trained on. */
export function numbersOf(
  images: number,
  { holdOut, limitTrain }: Pick<RunConfig, "holdOut" | "limitTrain">,
): { train: number; heldOut: number } {
  const heldOut = heldOutOf(images, holdOut);
  return { train: Math.min(images - heldOut, limitTrain ?? Infinity), heldOut };
}
