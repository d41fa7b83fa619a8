/**
 * Defaults of options as text, for help and documentation.
 *
 * @module
 */

import type { DatasetName } from "../recipes/views.ts";
import { type OptionValue, shownValue } from "../base/option_values.ts";
import type { Recipe, RunConfig } from "./config.ts";
import { PER_DATASET } from "./option.ts";
import { DATASET_DEFAULTS } from "./presets.ts";
import { optionOf } from "./table.ts";

/** Returns an option's default as text; where the data sets' defaults differ, one for each data set. */
export function defaultText(field: keyof RunConfig): string {
  const spec = optionOf(field);
  if (spec.defaultText !== undefined) return spec.defaultText;
  if (spec.default !== PER_DATASET) return shownDefault(spec.default);
  const defaults = datasetDefaults(field as keyof Recipe);
  const different = new Set(defaults.map(([, value]) => value));
  if (different.size === 1) return defaults[0]![1];
  return defaults.map(([dataset, value]) => `${dataset} ${value}`).join(", ");
}

/** Returns the default of a recipe's option for each data set, as it is written on the command line. */
export function datasetDefaults(field: keyof Recipe): [DatasetName, string][] {
  const datasets = Object.keys(DATASET_DEFAULTS) as DatasetName[];
  return datasets.map((dataset) => [dataset, shownValue(DATASET_DEFAULTS[dataset][field])]);
}

function shownDefault(value: OptionValue): string {
  if (value === false) return "off";
  return value === null ? "none" : shownValue(value);
}
