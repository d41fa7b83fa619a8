/** The options of `deno task train`, resolved, for other programs. */

import { parseCommandLine } from "./parse.ts";
import type { RunConfig } from "./config.ts";
import { thisEnvironment } from "./environment.ts";

/**
 * Returns resolved options: the given ones, and for the others the recipe of the preset or data set, as in
 * `deno task train`.
 *
 * @param args options such as "--preset=byol_cifar10" or "--batch_size=64" (docs/options.md)
 * @throws UserError (usage) for unknown options, values out of range and combinations that cannot run
 */
export function runOptions(...args: string[]): RunConfig {
  return parseCommandLine("train", args, thisEnvironment()).config;
}
