/** `views`: a contact sheet of what the augmentations make of the training images. */

import { parseCommandLine } from "../options/parse.ts";
import { thisEnvironment } from "../options/environment.ts";
import { openData } from "../data/open.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { drawSheet, SHEET_IMAGES } from "./view_sheet.ts";

/** The text of `views --help`. */
export const VIEWS_HELP =
  `Draws both views of ${SHEET_IMAGES} training images as one PNG, to be looked at.

  deno task views --out=views.png
  deno task views --out=views.png --preset=cifar10_tuned --seed=1
  deno task views --out=views.png --dataset_name=folder --data_dir=DIR
  deno task views --out=late.png --aug_schedule=FILE.json --step=5000

  --out=PATH
      The file to write. Required.
  --step=N
      The step whose views are drawn, for augmentations that move. Default: 0

Beside these it takes the options of train (deno task train --help): data set, preset, augmentations and seed
decide what is drawn. The images are those that training at --batch_size=${SHEET_IMAGES} sees in that step.`;

/**
 * Draws the sheet.
 *
 * @returns the exit code
 * @throws UserError for what train would refuse, and where the file cannot be written
 */
export async function viewsCommand(args: readonly string[]): Promise<number> {
  const own = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const [, name, , value] = /^--(out|step)(=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) rest.push(arg);
    else own.set(name, value ?? args[++index] ?? "");
  }
  const path = own.get("out");
  if (path === undefined || path === "") {
    throw new UserError("Cannot draw views without a file: expected --out=PATH", ExitCode.usage);
  }
  const text = own.get("step") ?? "0";
  const step = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(step)) {
    throw new UserError(
      `Cannot use --step=${text}: expected a whole number of at least 0`,
      ExitCode.usage,
    );
  }
  const { config, notes } = parseCommandLine("train", rest, thisEnvironment());
  notes.forEach((note) => console.error(note));
  // Photos need nothing to evaluate on: no evaluation follows.
  const { train, test } = await openData({ ...config, hardware: "cpu", evalEveryEpochs: 0 });
  using dataset = train;
  using _test = test;
  dataset.describe().warnings.forEach((line) => console.error(line));
  let images: number;
  try {
    images = drawSheet(path, { train, config, step });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError((error as Error).message, ExitCode.save);
  }
  console.log(`Drew both views of ${images} images to ${path}`);
  return ExitCode.ok;
}
