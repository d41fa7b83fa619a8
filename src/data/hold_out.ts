/** The training images that `--hold_out` keeps from encoder and probe. */

import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { Dataset } from "../native/dataset.ts";
import type { RunConfig } from "../options/config.ts";
import { holdOutOf } from "../recipes/hold_out.ts";

/**
 * Takes the images of `--hold_out` out of the training images.
 *
 * @returns the held-out images; undefined without the option
 * @throws UserError (data) where none would be held out, or none left
 */
export function takeHeldOut(
  train: Dataset,
  { holdOut }: Pick<RunConfig, "holdOut">,
): Dataset | undefined {
  if (holdOut === null) return undefined;
  try {
    return train.holdOut(holdOutOf(holdOut));
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}
