/** Contact sheet of a replayed step. */

import { ExitCode } from "../../base/exit_codes.ts";
import { asUserError } from "../../base/expected.ts";
import type { Dataset } from "../../native/dataset.ts";
import { SHEET_IMAGES } from "../../options/commands/views.ts";
import { recipesAt } from "../../recipes/schedules.ts";
import { wholeImage } from "../../recipes/views.ts";
import type { ReplaySource } from "./source.ts";

/**
 * Draws the first images of a step's batch, each with both of its views, as the step has seen them. Afterwards, the data
 * set has another shard.
 *
 * @throws UserError (save) where the file cannot be written
 */
export function drawStep(
  path: string,
  { train, source: { config, record }, step }: {
    train: Dataset;
    source: Pick<ReplaySource, "config" | "record">;
    step: number;
  },
): void {
  const { batchSize, seed } = config;
  let images = Math.min(SHEET_IMAGES, batchSize);
  while (batchSize % images !== 0) images--;
  const recipes = recipesAt(record.augmentation, step);
  const whole = wholeImage(recipes.view1);
  train.setShard({ rank: 0, ranks: batchSize / images, microBatches: 1 });
  train.setRecipes(batchSize, { view1: whole, view2: whole });
  train.makeViews(seed, step);
  train.keepImages();
  train.setRecipes(batchSize, recipes);
  train.makeViews(seed, step);
  try {
    train.writeSheet(path);
  } catch (error) {
    throw asUserError(error, ExitCode.save);
  }
}
