/**
 * Options as they are stored: in config.json, in the metadata of checkpoints, in what `info` prints.
 *
 * They are written under their names (`nb_epochs`), and read under those or under the names of the fields of a
 * `RunConfig` (`epochs`), which earlier versions wrote.
 *
 * @module
 */

import type { Origin, Origins, RunConfig } from "./config.ts";
import { deriveFromOptions } from "./derive.ts";
import { DATASET_DEFAULTS } from "./presets.ts";
import { type Layer, presetLayer, resolveLayers } from "./resolve.ts";
import { FIELDS, optionOf } from "./table.ts";

/** Options by name, or by field where an earlier version wrote them; not all need be there, and others may be. */
export type StoredOptions = Readonly<Record<string, unknown>>;

const FIELD_OF: ReadonlyMap<string, keyof RunConfig> = new Map(
  FIELDS.flatMap((field) => [[field, field], [optionOf(field).option, field]]),
);

/** Returns options under their names, in the order of the table: as checkpoints and config.json hold them. */
export function optionsByName(config: Partial<RunConfig>): Record<string, unknown> {
  return byName<unknown>(config);
}

/** Returns origins under the names of their options, in the order of the table. */
export function originsByName(origins: Partial<Origins>): Record<string, Origin> {
  return byName(origins);
}

function byName<Value>(values: Partial<Record<keyof RunConfig, Value>>): Record<string, Value> {
  const entries = FIELDS.flatMap((field) => {
    const value = values[field];
    return value === undefined ? [] : [[optionOf(field).option, value]];
  });
  return Object.fromEntries(entries);
}

/** Returns stored options with each under its name; entries that are no options stay as they are. */
export function renamedOptions(stored: StoredOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(stored).map(([key, value]) => {
      const field = FIELD_OF.get(key);
      return [field === undefined ? key : optionOf(field).option, value];
    }),
  );
}

/** Returns the options that are stored, unchecked; entries that are no options are left out. */
export function storedOptions(stored: StoredOptions): Partial<RunConfig> {
  return byField(stored) as Partial<RunConfig>;
}

/** Returns the origins that are stored. */
function storedOrigins(stored: StoredOptions): Partial<Origins> {
  return byField(stored) as Partial<Origins>;
}

function byField(stored: StoredOptions): Partial<Record<keyof RunConfig, unknown>> {
  return Object.fromEntries(
    Object.entries(stored).flatMap(([key, value]) => {
      const field = FIELD_OF.get(key);
      return field === undefined || value === undefined ? [] : [[field, value]];
    }),
  );
}

/**
 * Returns the layers that a record resolves to: what it stores, then what stands for the options that it lacks.
 *
 * Those are options that its program did not have yet. They count as the table's `before`, or as the default of the
 * record's own preset and data set.
 *
 * @param origin the origin of the values that are stored
 */
export function recordLayers(stored: StoredOptions, origin: Origin): Layer[] {
  const values = storedOptions(stored);
  const preset = presetLayer(values.preset);
  const datasetName = values.datasetName ?? preset[0]?.values.datasetName;
  // A file of another program tells its network and nothing of a data set: no record, which lacks nothing.
  if (datasetName === undefined) return [{ origin, values }];
  return [
    { origin, values },
    { origin, values: BEFORE },
    ...preset,
    { origin: "dataset", values: DATASET_DEFAULTS[datasetName] ?? {} },
  ];
}

/** Values of the options whose default has changed what a run does, as they were before. */
const BEFORE: Partial<RunConfig> = Object.fromEntries(
  FIELDS.flatMap((field) => {
    const { before } = optionOf(field);
    return before === undefined ? [] : [[field, before]];
  }),
);

/**
 * Returns a record's whole configuration; options that it lacks count as in `recordLayers`.
 *
 * @param origins stored origins of the values that are stored
 */
export function recordedOptions(
  stored: StoredOptions,
  origins: StoredOptions = {},
): { config: RunConfig; origins: Origins } {
  const resolved = resolveLayers(recordLayers(stored, "checkpoint"));
  deriveFromOptions(resolved.config, resolved.origins);
  return { config: resolved.config, origins: { ...resolved.origins, ...storedOrigins(origins) } };
}
