/** Choice of the labelled images that an evaluation learns from. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { Dataset, SubsetOptions } from "../native/dataset.ts";
import { NativeError } from "../native/native_error.ts";

/**
 * Restricts a data set to a subset of its images, for an evaluation with few labels.
 *
 * @throws UserError (usage) where a class would have no image
 */
export function takeSubset(
  dataset: Dataset,
  { part = "learn", ...options }: Omit<SubsetOptions, "part"> & Partial<SubsetOptions>,
): void {
  try {
    dataset.takeSubset({ ...options, part });
  } catch (error) {
    if (!(error instanceof NativeError) || error.code !== "InvalidArgument") throw error;
    throw new UserError(error.message, ExitCode.usage);
  }
}
