/**
 * The configuration of a run, derived from the table of options.
 *
 * @module
 */

import type { ConfigOfTable, RecipeOfTable } from "./table.ts";

/** Resolved options of a run, which docs/options.md describes; null for an option without a value. */
export type RunConfig = ConfigOfTable;

/** The options of a recipe, whose defaults depend on the data set and the preset. */
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

/** Returns true for the origin of a value that the user gave, on the command line or in a file. */
export function isGiven(origin: Origin): boolean {
  return origin === "command line" || origin.startsWith("config ");
}
