/** The contact sheet that a run keeps of its views: views.png, drawn once, when the run starts. */

import { loadAugmentSchedule } from "../recipes/view_schedule.ts";
import type { RunConfig } from "../options/config.ts";
import { SHEET_IMAGES } from "../options/commands/views.ts";
import { UserError } from "../base/exit_codes.ts";
import { wordsFor } from "../base/expected.ts";
import type { Dataset } from "../native/dataset.ts";
import type { RunFolder } from "./folder.ts";
import { recipesAt } from "../recipes/schedules.ts";
import { exists } from "../base/files.ts";

/**
 * Draws both views of the images that training at so small a batch sees in a step.
 *
 * @returns how many images
 * @throws NativeError where the file cannot be written
 */
export function drawSheet(
  path: string,
  { train, config, step }: { train: Dataset; config: RunConfig; step: number },
): number {
  const { count } = train.describe();
  // Spans are in epochs of the run's own batches; the sheet shows fewer images.
  const stepsPerEpoch = Math.max(1, Math.floor(count / config.batchSize));
  const recipes = recipesAt(loadAugmentSchedule(config, stepsPerEpoch), step);
  const images = Math.min(SHEET_IMAGES, count);
  train.setRecipes(images, recipes);
  train.makeViews(config.seed, step);
  train.writeSheet(path);
  return images;
}

/** Draws the sheet of a run that has none yet. A run continues without: `warn` hears why. */
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
    // What is wrong with the images is wrong with the run.
    if (error instanceof UserError) throw error;
    warn(`Cannot draw ${folder.sheetFile}: ${wordsFor(error)}; the run continues without`);
  }
}
