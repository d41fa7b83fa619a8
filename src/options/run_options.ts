/** The options of a run for a program of one's own: those of `deno task train`, resolved. */

import { parseCommandLine } from "./parse.ts";
import type { RunConfig } from "./config.ts";
import { thisEnvironment } from "./environment.ts";

/**
 * Resolves options as `deno task train` does: a preset's or the data set's recipe, with what is given in its place.
 *
 * @param args options such as "--preset=byol_cifar10" or "--batch_size=64" (docs/options.md)
 * @throws UserError (usage) for unknown options, values out of range and combinations that cannot run
 */
export function runOptions(...args: string[]): RunConfig {
  return parseCommandLine("train", args, thisEnvironment()).config;
}
