/**
 * Layers of options, from what the command line gives down to the defaults, resolved to one configuration.
 *
 * @module
 */

import type { OptionValue } from "../base/option_values.ts";
import type { Origin, Origins, Recipe, RunConfig } from "./config.ts";
import { PER_DATASET } from "./option.ts";
import { DATASET_DEFAULTS, PRESETS } from "./presets.ts";
import { FIELDS, optionOf, OPTIONS } from "./table.ts";

/** Values of one origin. */
export interface Layer {
  /** Origin of the values. */
  origin: Origin;
  /** Values of the options that the layer sets. */
  values: Partial<RunConfig>;
}

/** Returns the layer of a preset; none without a preset, or for a name that is unknown here. */
export function presetLayer(name: RunConfig["preset"] | undefined): Layer[] {
  if (name === undefined || name === null || !Object.hasOwn(PRESETS, name)) return [];
  const { datasetName, recipe } = PRESETS[name];
  return [{ origin: `preset ${name}`, values: { datasetName, ...recipe } }];
}

/** Resolves every option: the first layer that sets it wins, then the recipe of the data set, then the default. */
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
