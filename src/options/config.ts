/**
 * The configuration of a run, derived from the table of options.
 *
 * @module
 */

import type { ConfigOfTable, RecipeOfTable } from "./table.ts";

/** Every option of a run, resolved; docs/options.md says what each does. Null where nothing is asked for. */
export type RunConfig = ConfigOfTable;

/** The options that make up a recipe: those that each data set and each preset decides. */
export type Recipe = RecipeOfTable;

/** Origin of a value; "--option" when another option implies it. */
export type Origin =
  | "default"
  | "dataset"
  | "checkpoint"
  | "command line"
  | `config ${string}`
  | `preset ${string}`
  | `--${string}`;

/** Origin of each value of a configuration. */
export type Origins = Record<keyof RunConfig, Origin>;

/** Tells a value that the user gave, on the command line or in a file, from one that a preset, a default or another option gave. */
export function isGiven(origin: Origin): boolean {
  return origin === "command line" || origin.startsWith("config ");
}
