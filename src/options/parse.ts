/**
 * The configuration of a run: from a command line, a preset, a checkpoint and the defaults to one object,
 * checked, with a record of where each value came from.
 *
 * @module
 */

import { type CommandLine, type ReadableTable, readGiven } from "../base/command_line.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { type OptionValue, problemOf } from "../base/option_values.ts";
import type { Origins, RunConfig } from "./config.ts";
import { derive } from "./derive.ts";
import type { Environment } from "./environment.ts";
import type { Command } from "./option.ts";
import { type Layer, presetLayer, resolveLayers } from "./resolve.ts";
import { notesOn, requireSameArchitecture, requireSound } from "./rules.ts";
import { SYNONYMS } from "./synonyms.ts";
import { FIELDS, optionOf } from "./table.ts";

/** A command line, understood. */
export interface ParsedCommandLine {
  /** The resolved options. */
  config: RunConfig;
  /** Where each came from. */
  origins: Origins;
  /** What the user should be told before the run starts, one line each. */
  notes: string[];
}

/**
 * Resolves a command line. The command line wins over a preset, a preset (train) or the checkpoint's own
 * configuration (eval) over the data set's defaults. An option given twice counts as given last.
 *
 * @throws UserError for unknown options, values out of range and combinations that cannot run (usage), for
 * data that the site does not have (data), for a checkpoint of another architecture (checkpoint)
 */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
  environment: Environment,
): ParsedCommandLine {
  const line: CommandLine = {
    command: `deno task ${command}`,
    options: optionsOf(command),
    synonyms: SYNONYMS,
    elsewhere: (option) => adviceOn(command, option),
  };
  const given = readGiven(args, line).values as Partial<RunConfig>;
  if (command === "eval" && given.checkpoint === undefined) {
    throw usageError("Cannot evaluate without a checkpoint: expected --checkpoint=FILE");
  }
  const saved = typeof given.checkpoint === "string" && environment.checkpointConfig
    ? savedOptions(given.checkpoint, environment.checkpointConfig(given.checkpoint))
    : {};
  requireSameArchitecture(given, saved);
  const layers: Layer[] = [
    { origin: "command line", values: given },
    ...presetLayer(given.preset),
    { origin: "checkpoint", values: saved },
  ];
  const { config, origins } = resolveLayers(layers);
  derive(config, origins, environment);
  requireSound(config, origins);
  return { config, origins, notes: notesOn(config, environment) };
}

/** A command's options by field. */
function optionsOf(command: Command): ReadableTable {
  const specs = FIELDS.map((field) => [field, optionOf(field)] as const);
  return Object.fromEntries(specs.filter(([, { commands }]) => commands.includes(command)));
}

/** Advice on an option that only the other command takes. */
function adviceOn(command: Command, option: string): string | undefined {
  const spec = FIELDS.map(optionOf).find((spec) => spec.option === option);
  if (spec === undefined || spec.commands.includes(command)) return undefined;
  return option === "checkpoint"
    ? "to go on from a checkpoint, give --resume=FILE"
    : `it belongs to deno task ${spec.commands.join(", ")}`;
}

/** What of a checkpoint's configuration an evaluation keeps, checked like a command line. */
function savedOptions(
  path: string,
  saved: Readonly<Record<string, unknown>>,
): Partial<RunConfig> {
  const kept: Partial<Record<keyof RunConfig, OptionValue>> = {};
  for (const field of FIELDS) {
    const spec = optionOf(field);
    const value = saved[field];
    if (!spec.fromCheckpoint || value === undefined) continue;
    if (value === null && spec.default === null) continue;
    const problem = problemOf(spec.value, value);
    if (problem) {
      throw new UserError(
        `Cannot use the checkpoint ${path}: its ${field} is ${
          JSON.stringify(value)
        }, expected ${problem}`,
        ExitCode.checkpoint,
      );
    }
    kept[field] = value as OptionValue;
  }
  return kept as Partial<RunConfig>;
}
