/**
 * Writing and reading of stored options: in config.json, in the metadata of checkpoints, in the output of `info`.
 *
 * Options are written by their names on the command line (`nb_epochs`). They are read by those names, or by the fields
 * of `RunConfig` (`epochs`), which earlier versions wrote.
 *
 * @module
 */

import type { Origin, Origins, RunConfig } from "./config.ts";
import { deriveFromOptions } from "./derive.ts";
import { DATASET_DEFAULTS } from "./presets.ts";
import { type Layer, presetLayer, resolveLayers } from "./resolve.ts";
import { FIELDS, optionOf } from "./table.ts";

/** Stored options by name or by field; some may be missing, and other entries may be among them. */
export type StoredOptions = Readonly<Record<string, unknown>>;

const FIELD_OF: ReadonlyMap<string, keyof RunConfig> = new Map(
  FIELDS.flatMap((field) => [[field, field], [optionOf(field).option, field]]),
);

/** Returns options by name, in the order of the table, as checkpoints and config.json hold them. */
export function optionsByName(config: Partial<RunConfig>): Record<string, unknown> {
  return byName<unknown>(config);
}

/** Returns origins by the names of their options, in the order of the table. */
export function originsByName(origins: Partial<Origins>): Record<string, Origin> {
  return byName(origins);
}

function byName<Value>(values: Partial<Record<keyof RunConfig, Value>>): Record<string, Value> {
  const entries = FIELDS.flatMap((field) => {
    const value = values[field];
    const { option, before, sparse } = optionOf(field);
    return value === undefined || sparse && value === before ? [] : [[option, value]];
  });
  return Object.fromEntries(entries);
}

/** Returns stored options by name; entries that are no options are kept unchanged. */
export function renamedOptions(stored: StoredOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(stored).map(([key, value]) => {
      const field = FIELD_OF.get(key);
      return [field === undefined ? key : optionOf(field).option, value];
    }),
  );
}

/** Returns stored options by field, without checking their values; entries that are no options are left out. */
export function storedOptions(stored: StoredOptions): Partial<RunConfig> {
  return byField(stored) as Partial<RunConfig>;
}

/** Returns stored origins by field. */
export function storedOrigins(stored: StoredOptions): Partial<Origins> {
  const texts = Object.entries(stored).filter(([, origin]) => typeof origin === "string");
  return byField(Object.fromEntries(texts)) as Partial<Origins>;
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
 * Returns the layers of a record: the stored values, then the values of options that the record lacks.
 *
 * A record lacks the options that its version of the program did not have. They count as the table's `before`, or as
 * the default of the record's own preset and data set.
 *
 * @param origin the origin of the values that are stored
 */
export function recordLayers(stored: StoredOptions, origin: Origin): Layer[] {
  const values = storedOptions(stored);
  const preset = presetLayer(values.preset);
  const datasetName = values.datasetName ?? preset[0]?.values.datasetName;
  // Another program's file names a network and no data set. It is no record, and no option counts as missing.
  if (datasetName === undefined) return [{ origin, values }];
  return [
    { origin, values },
    { origin, values: BEFORE },
    ...preset,
    { origin: "dataset", values: DATASET_DEFAULTS[datasetName] ?? {} },
  ];
}

/** Values that stand for missing options whose defaults differ from the behaviour of earlier versions. */
const BEFORE: Partial<RunConfig> = Object.fromEntries(
  FIELDS.flatMap((field) => {
    const { before } = optionOf(field);
    return before === undefined ? [] : [[field, before]];
  }),
);

/**
 * Returns a record's whole configuration. Options that the record lacks count as in `recordLayers`.
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
