/** The normalisation that `--normalisation=data` measures, once for a run. */

import { counted } from "../../base/counted.ts";
import { measured, type MeasuredImages } from "../../data/photos.ts";
import { isMeasured, TO_MEASURE } from "../../recipes/normalisation.ts";
import { readRunRecord } from "../../run/record.ts";
import { newestOptions } from "./budget.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Takes over what an earlier invocation of the run has measured, if there is one. All ranks must call this function.
 *
 * @throws UserError (run folder, checkpoint) where config.json, or without it the newest checkpoint, cannot be read
 */
export async function keepMeasured({ ranks, config, folder, warn }: Invocation): Promise<void> {
  if (config.normalisation !== TO_MEASURE || config.resume === "never") return;
  const kept = await ranks.broadcast(() => {
    const before = readRunRecord(folder)?.config ?? newestOptions(folder.checkpointsDir, warn);
    return isMeasured(before?.normalisation) ? before!.normalisation : null;
  });
  if (kept !== null) config.normalisation = kept;
}

/**
 * Measures the training images of a run that has no measurement. All ranks must call this function.
 *
 * @throws UserError (data) when the images cannot be read
 */
export async function measureImages(
  { ranks, config, interrupt, warn }: Invocation,
): Promise<void> {
  if (config.normalisation !== TO_MEASURE) return;
  const { normalisation, found } = await ranks.broadcast(() => measured(config, interrupt.signal));
  config.normalisation = normalisation;
  if (found !== undefined) warn(measuredText(found));
}

function measuredText({ images, deep, range, mean, std }: MeasuredImages): string {
  const three = (values: readonly number[]): string =>
    values.map((value) => value.toFixed(3)).join(", ");
  const values = range === undefined
    ? ""
    : `, ${deep} of them of 16 bits with values from ${range[0]} to ${range[1]}`;
  return `Measured ${counted(images, "image")}${values}: mean ${three(mean)}, standard deviation ${
    three(std)
  }`;
}
