/** `views`: draws a contact sheet of training images, each beside both of its views. */

import { counted } from "../base/counted.ts";
import { parseCommandLine } from "../options/parse.ts";
import { environmentOfOne } from "../options/environment.ts";
import { badFilesOf, badFilesText } from "../data/bad_files.ts";
import { fewGraysWarning } from "../data/few_grays.ts";
import { surveyPhotos } from "../data/photo_survey.ts";
import { openData } from "../data/open.ts";
import { requireOutsideImages } from "../data/outside_images.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { printLine, showLine } from "../base/output.ts";
import { readCommand } from "../options/commands/registry.ts";
import { VIEWS } from "../options/commands/views.ts";
import { foundText } from "../run/data_record.ts";
import { drawSheet } from "../run/view_sheet.ts";

/**
 * Draws the contact sheet.
 *
 * @returns the exit code
 * @throws UserError for options and data that train refuses, and for a file that cannot be written
 */
export async function main(args: readonly string[]): Promise<number> {
  const { own: { out, step }, rest } = readCommand(VIEWS, args);
  const { config, notes } = parseCommandLine("train", rest, {
    ...environmentOfOne(),
    surveyPhotos,
  });
  notes.forEach(showLine);
  requireOutsideImages(out, `--out=${out}`, config);
  using dataset = (await openData(config, { splits: "train", device: "cpu" })).train;
  const { found, warnings } = dataset.describe();
  [foundText(found), ...warnings].forEach(showLine);
  let images: number;
  try {
    images = drawSheet(out, { train: dataset, config, step });
  } catch (error) {
    throw asUserError(error, ExitCode.save);
  }
  const skipped = badFilesText(badFilesOf({ train: dataset }));
  if (skipped !== undefined) showLine(skipped);
  const warning = fewGraysWarning([dataset]);
  if (warning !== undefined) showLine(`Warning: ${warning}`);
  printLine(`Drew ${counted(images, "image")}, each with both views, to ${out}`);
  return ExitCode.ok;
}
