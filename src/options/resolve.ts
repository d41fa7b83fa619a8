/**
 * Layers of options, from the command line down to the defaults, and their resolution to one configuration.
 *
 * @module
 */

import type { OptionValue } from "../base/option_values.ts";
import type { Origin, Origins, Recipe, RunConfig } from "./config.ts";
import { PER_DATASET } from "./option.ts";
import { DATASET_DEFAULTS, PRESETS } from "./presets.ts";
import { FIELDS, optionOf, OPTIONS } from "./table.ts";

/** Values with a common origin. */
export interface Layer {
  /** Origin of the values. */
  origin: Origin;
  /** Values of the options that the layer sets. */
  values: Partial<RunConfig>;
}

/** Returns the layer of a preset; none for null, undefined and unknown names. */
export function presetLayer(name: RunConfig["preset"] | undefined): Layer[] {
  if (name === undefined || name === null || !Object.hasOwn(PRESETS, name)) return [];
  const { datasetName, recipe, options } = PRESETS[name];
  return [{ origin: `preset ${name}`, values: { datasetName, ...recipe, ...options } }];
}

/** Resolves every option: by the first layer that sets it, otherwise by the data set's recipe or the default. */
export function resolveLayers(
  layers: readonly Layer[],
): { config: RunConfig; origins: Origins } {
  const datasetName = layers.find(({ values }) => values.datasetName)?.values.datasetName ??
    OPTIONS.datasetName.default;
  const config: Partial<Record<keyof RunConfig, OptionValue>> = {};
  const origins: Partial<Origins> = {};
  for (const field of FIELDS) {
    const layer = layers.find(({ values }) => values[field] !== undefined);
    if (layer) {
      config[field] = layer.values[field]!;
      origins[field] = layer.origin;
      continue;
    }
    const fallback = optionOf(field).default;
    if (fallback === PER_DATASET) {
      config[field] = DATASET_DEFAULTS[datasetName][field as keyof Recipe];
      origins[field] = "dataset";
    } else {
      config[field] = fallback;
      origins[field] = "default";
    }
  }
  return { config: config as RunConfig, origins: origins as Origins };
}
