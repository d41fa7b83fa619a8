/**
 * Resolution of a command line to the configuration of a run: values from command line, file, preset, checkpoint and
 * defaults, checked, each with its origin.
 *
 * @module
 */

import { readGiven } from "../base/command_line.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { problemOf } from "../base/option_values.ts";
import type { Origins, RunConfig } from "./config.ts";
import { readConfigFile } from "./config_file.ts";
import { lineOf } from "./commands/registry.ts";
import { derive } from "./derive.ts";
import type { Environment, StoredRecord } from "./environment.ts";
import { photoNotes, photoRecipe } from "./photo_recipe.ts";
import type { Command } from "./option.ts";
import { type Layer, presetLayer, resolveLayers } from "./resolve.ts";
import { notesOn, requireSameArchitecture, requireSound } from "./rules.ts";
import { recordLayers, type StoredOptions, storedOptions } from "./stored.ts";
import { FIELDS, optionOf } from "./table.ts";

/** A resolved command line. */
export interface ParsedCommandLine {
  /** The resolved options. */
  config: RunConfig;
  /** Origin of each option. */
  origins: Origins;
  /** Notes for the user before the run begins, one line each. */
  notes: string[];
}

/**
 * Resolves a command line. The command line takes precedence over the file of --config, the file over a preset (train)
 * or the checkpoint's options (eval), and these over the data set's defaults. Of an option given twice, the last value
 * counts.
 *
 * @throws UserError (usage) for unknown options, values out of range and combinations that cannot run; (data) for data
 * that the cluster does not have; (checkpoint) for a checkpoint of another architecture
 */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
  environment: Environment,
): ParsedCommandLine {
  const line = lineOf(command);
  const typed = readGiven(args, line).values as Partial<RunConfig>;
  const given = withWeightsFile(typed, environment);
  const inFile = typeof given.config === "string"
    ? withWeightsFile(readConfigFile(given.config, line), environment)
    : {};
  const asked = { ...inFile, ...given };
  if (command === "eval" && asked.checkpoint === undefined) {
    throw usageError("Cannot evaluate without a checkpoint: expected --checkpoint=FILE");
  }
  const stored = typeof asked.checkpoint === "string" && environment.checkpointConfig
    ? environment.checkpointConfig(asked.checkpoint)
    : {};
  requireSameArchitecture(asked, storedOptions(stored));
  const layers: Layer[] = [
    { origin: "command line", values: given },
    { origin: `config ${given.config}`, values: inFile },
    ...presetLayer(asked.preset),
    ...checkpointLayers(asked.checkpoint ?? "", stored),
    ...dataDirLayer(asked, storedOptions(stored), environment),
  ];
  if (command === "train" && asked.preset === undefined && asked.datasetName === "folder") {
    return resolvedOnPhotos(layers, asked, environment);
  }
  const { config, origins } = resolved(layers, environment);
  return { config, origins, notes: notesOn(config, environment) };
}

function resolved(
  layers: readonly Layer[],
  environment: Environment,
): { config: RunConfig; origins: Origins } {
  const { config, origins } = resolveLayers(layers);
  derive(config, origins, environment);
  requireSound(config, origins);
  return { config, origins };
}

/**
 * Resolves the options of a training on a folder without a preset: the default recipe follows from the images. A run
 * that has begun keeps the recipe in its record.
 */
function resolvedOnPhotos(
  layers: readonly Layer[],
  asked: Partial<RunConfig>,
  environment: Environment,
): ParsedCommandLine {
  const dataDir = asked.dataDir ?? "data/folder";
  const survey = environment.surveyPhotos?.({ datasetName: "folder", dataDir });
  const recipe: Layer = { origin: "dataset", values: photoRecipe(survey, asked) };
  const begun = resolved([...layers, recipe], environment);
  const kept = keptRecipe(recipe.values, environment.recordOfRun?.(begun.config.runDir));
  const found = kept === undefined
    ? begun
    : resolved([...layers, { origin: "dataset", values: kept }, recipe], environment);
  const named = kept === undefined ? survey : "kept";
  return {
    ...found,
    notes: [
      ...named === undefined ? [] : photoNotes(found, named),
      ...notesOn(found.config, environment),
    ],
  };
}

/** Returns the part of a recipe that the record of a run on a folder holds; undefined where there is no such record. */
function keptRecipe(
  recipe: Partial<RunConfig>,
  record: StoredRecord | undefined,
): Partial<RunConfig> | undefined {
  if (record?.config.datasetName !== "folder") return undefined;
  const { config, origins } = record;
  return Object.fromEntries(
    (Object.keys(recipe) as (keyof RunConfig)[]).flatMap((field) => {
      // An option that the run's version of the program did not have.
      if (config[field] === undefined) {
        const { before } = optionOf(field);
        return before === undefined ? [] : [[field, before]];
      }
      const isChosen = ["dataset", "default"].includes(origins[field] ?? "");
      return isChosen && isUsable(field, config[field]) ? [[field, config[field]]] : [];
    }),
  );
}

/** Returns false for a value of a damaged record, which is refused when the record is read as a whole. */
function isUsable(field: keyof RunConfig, value: unknown): boolean {
  const { value: kind, default: none } = optionOf(field);
  return value === null
    ? none === null
    : value !== undefined && problemOf(kind, value) === undefined;
}

/** Returns values whose checkpoint is a file: the newest one where the value names the folder of a run. */
function withWeightsFile(
  values: Partial<RunConfig>,
  { weightsFileOf }: Environment,
): Partial<RunConfig> {
  const { checkpoint } = values;
  if (typeof checkpoint !== "string" || weightsFileOf === undefined) return values;
  return { ...values, checkpoint: weightsFileOf(checkpoint) };
}

/**
 * Returns the layers of a checkpoint's options that an evaluation keeps.
 *
 * @throws UserError (checkpoint) for values that the options do not accept
 */
function checkpointLayers(path: string, stored: StoredOptions): Layer[] {
  const given = kept(storedOptions(stored));
  for (const [field, value] of Object.entries(given)) {
    const { option, value: kind } = optionOf(field as keyof RunConfig);
    const problem = problemOf(kind, value);
    if (problem === undefined) continue;
    const found = JSON.stringify(value);
    throw new UserError(
      `Cannot use the checkpoint ${path}: its ${option} is ${found}, expected ${problem}`,
      ExitCode.checkpoint,
    );
  }
  return recordLayers(stored, "checkpoint").map(({ origin, values }) => ({
    origin,
    values: kept(values),
  }));
}

/** Returns a layer of the folder that the run had its images in, where an evaluation is on the same data set there. */
function dataDirLayer(
  asked: Partial<RunConfig>,
  { datasetName, dataDir }: Partial<RunConfig>,
  { exists }: Environment,
): Layer[] {
  const isSameDataSet = asked.datasetName === undefined || asked.datasetName === datasetName;
  if (!isSameDataSet || typeof dataDir !== "string" || !exists(dataDir)) return [];
  return [{ origin: "checkpoint", values: { dataDir } }];
}

/** Returns the values that an evaluation takes from a checkpoint, without the null of options that have no value. */
function kept(values: Partial<RunConfig>): Partial<RunConfig> {
  const fields = FIELDS.filter((field) => {
    const spec = optionOf(field);
    const isUnset = values[field] === undefined || values[field] === null && spec.default === null;
    return spec.fromCheckpoint && !isUnset;
  });
  return Object.fromEntries(fields.map((field) => [field, values[field]]));
}
