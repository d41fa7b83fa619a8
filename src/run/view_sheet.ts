/** views.png in the folder of a run: a contact sheet of the first step's images and views, drawn once, at the start. */

import { loadAugmentSchedule } from "../recipes/view_schedule.ts";
import type { RunConfig } from "../options/config.ts";
import { SHEET_IMAGES } from "../options/commands/views.ts";
import { UserError } from "../base/exit_codes.ts";
import { wordsFor } from "../base/expected.ts";
import type { Dataset } from "../native/dataset.ts";
import type { RunFolder } from "./folder.ts";
import { wholeImage } from "../recipes/views.ts";
import { recipesAt } from "../recipes/schedules.ts";
import { exists } from "../base/files.ts";

/**
 * Draws the first images of a step's batch, each with both of its views.
 *
 * @returns number of images drawn: SHEET_IMAGES, or all images of a smaller data set
 * @throws NativeError where the file cannot be written
 */
export function drawSheet(
  path: string,
  { train, config, step }: { train: Dataset; config: RunConfig; step: number },
): number {
  const { count } = train.describe();
  // The schedule counts epochs in batches of the run's own size, although the sheet shows fewer images.
  const stepsPerEpoch = Math.max(1, Math.floor(count / config.batchSize));
  const recipes = recipesAt(loadAugmentSchedule(config, stepsPerEpoch), step);
  const images = Math.min(SHEET_IMAGES, count);
  const whole = wholeImage(recipes.view1);
  train.setRecipes(images, { view1: whole, view2: whole });
  train.makeViews(config.seed, step);
  train.keepImages();
  train.setRecipes(images, recipes);
  train.makeViews(config.seed, step);
  train.writeSheet(path);
  return images;
}

/** Draws the sheet of a run, unless the sheet exists. A failure to write the file is only warned of. */
export function keepSheet(
  folder: RunFolder,
  { train, config, warn }: {
    train: Dataset;
    config: RunConfig;
    warn(line: string): void;
  },
): void {
  if (exists(folder.sheetFile)) return;
  const beside = `${folder.sheetFile}.${Deno.pid}.part`;
  try {
    drawSheet(beside, { train, config, step: 0 });
    Deno.renameSync(beside, folder.sheetFile);
  } catch (error) {
    // A fault of the images is a fault of the run, not of the sheet alone.
    if (error instanceof UserError) throw error;
    warn(`Cannot draw ${folder.sheetFile}: ${wordsFor(error)}; the run continues without it`);
  }
}
