/**
 * Options from a file: `--config=FILE.json`.
 *
 * The file is an object of options by name, written by hand, or the config.json of a run. From a run's record, only
 * those options are taken that the user gave, on the command line or in a file; all others are resolved again.
 *
 * @module
 */

import { type CommandLine, optionsMeant } from "../base/command_line.ts";
import { usageError, type UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { problemOf, tildeIn } from "../base/option_values.ts";
import { isGiven, type Origin, type RunConfig } from "./config.ts";
import { renamedOptions } from "./stored.ts";
import { FIELDS, optionOf } from "./table.ts";

/** Names of options that are never taken from a run's record, because each run has its own. */
export const OPTIONS_OF_ONE_RUN: readonly string[] =
  (["runDir", "expeName", "resume", "traceDir", "ranks", "config"] as const)
    .map((field) => optionOf(field).option);

const FIELD_BY_NAME: ReadonlyMap<string, keyof RunConfig> = new Map(
  FIELDS.map((field) => [optionOf(field).option, field]),
);

type JsonObject = Readonly<Record<string, unknown>>;

/** Part of a run's config.json that holds its options. */
interface StoredRecord {
  config: JsonObject;
  origins: JsonObject;
}

/**
 * Reads the options in a file, each checked like an option of the command line. Null means no value.
 *
 * @param line the command that takes the options; from a run's record, options of other commands are left out
 * @throws UserError (usage) that names the option or the value that cannot be used
 */
export function readConfigFile(path: string, line: CommandLine): Partial<RunConfig> {
  const file = readObject(path);
  const isOfRun = isRecord(file);
  const entries = Object.entries(isOfRun ? optionsGivenTo(file) : file);
  const found = entries.flatMap(([name, json]) => {
    const field = FIELD_BY_NAME.get(name);
    if (field === undefined) throw unknownOption(path, name, line);
    if (line.options[field] === undefined) {
      if (isOfRun) return [];
      throw usageError(
        `Cannot use --config=${path}: it gives ${name}, but ${line.elsewhere?.(name)}`,
      );
    }
    const option = optionOf(field);
    const value = option.value.kind === "text" && typeof json === "number" ? String(json) : json;
    if (value === null && option.default === null) return [];
    const problem = field === "config"
      ? "none: a file cannot name another one"
      : tildeIn(option.value, value) ?? problemOf(option.value, value);
    if (problem === undefined) return [[field, value]];
    throw usageError(
      `Cannot use --config=${path}: its ${name} is ${JSON.stringify(value)}, expected ${problem}`,
    );
  });
  return Object.fromEntries(found);
}

function readObject(path: string): JsonObject {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw usageError(`Cannot read --config=${path}: expected a JSON file (${error.message})`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageError(`Cannot read --config=${path}: expected JSON (${error.message})`);
  }
  if (isObject(json)) return json;
  throw usageError(
    `Cannot use --config=${path}: expected an object of options by name, or the config.json of a run`,
  );
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isRecord(file: JsonObject | StoredRecord): file is StoredRecord {
  return isObject(file.config) && isObject(file.origins);
}

/** Returns the options that a run's user gave, by name, without OPTIONS_OF_ONE_RUN. */
function optionsGivenTo({ config, origins }: StoredRecord): JsonObject {
  const originOf = renamedOptions(origins) as Record<string, Origin | undefined>;
  const given = Object.entries(renamedOptions(config)).filter(([name]) => {
    const origin = originOf[name];
    return typeof origin === "string" && isGiven(origin) && !OPTIONS_OF_ONE_RUN.includes(name);
  });
  return Object.fromEntries(given);
}

function unknownOption(path: string, name: string, line: CommandLine): UserError {
  const plain = name.replace(/^-+/, "").replaceAll("-", "_").toLowerCase();
  const meant = optionsMeant(plain, line);
  const hint = meant.length > 0
    ? `did you mean ${meant.join(" or ")}`
    : `see ${line.command} --help`;
  return usageError(`Cannot use --config=${path}: no such option ${name}, ${hint}`);
}
