/** The options of `deno task train` and `deno task eval`, resolved, for other programs. */

import { surveyPhotos } from "../data/photo_survey.ts";
import type { RunConfig } from "../options/config.ts";
import { thisEnvironment } from "../options/environment.ts";
import { parseCommandLine } from "../options/parse.ts";

/**
 * Returns resolved options: the given ones, and for the others the recipe of the preset or data set, as in
 * `deno task train`.
 *
 * @param args options such as "--preset=byol_cifar10" or "--batch_size=64" (docs/options.md)
 * @throws UserError (usage) for unknown options, values out of range and combinations that cannot run
 */
export function runOptions(...args: string[]): RunConfig {
  return parseCommandLine("train", args, { ...thisEnvironment(), surveyPhotos }).config;
}

/**
 * Returns resolved options: the given ones, and for the others those of the run that wrote the checkpoint, as in
 * `deno task eval`.
 *
 * @param args options such as "--checkpoint=PATH" or "--threads=4" (docs/options.md)
 * @throws UserError for unknown options, and for a checkpoint that cannot be read
 */
export function evalOptions(...args: string[]): RunConfig {
  return parseCommandLine("eval", args, thisEnvironment()).config;
}
