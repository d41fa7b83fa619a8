/** The options of `train` and `eval` in a checkout, as JSON: kind, choices, limits, commands and every default. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { exists } from "../../../src/base/files.ts";
import type { Values } from "./trainings.ts";

/** Modules that hold the table of options, the newest layout first. */
const TABLE_MODULES = ["src/options/table.ts", "src/config_table.ts"];
/** Modules that resolve a command line, the newest layout first. */
const PARSER_MODULES = ["src/options/parse.ts", "src/config.ts"];

const COMMANDS = ["train", "eval"] as const;
type Command = typeof COMMANDS[number];

/** One entry of the table, as far as a user can tell it from another. */
interface Option {
  option: string;
  commands: readonly string[];
  value: { choices?: readonly string[] };
}

/** A machine that hides its own: no variables, no GPU, four cores. */
const MACHINE = { variable: () => undefined, exists: () => false, cores: 4 };

/** Reads the options of the checkout `root`: a value for each, `option --NAME`. */
export async function readOptions(root: string): Promise<Values> {
  const table = Object.entries(await exported(root, TABLE_MODULES, "OPTIONS") as object)
    .filter((entry): entry is [string, Option] => isOption(entry[1]));
  const byName = new Map(table.map(([field, spec]) => [spec.option, { field, spec }]));
  const choicesOf = (name: string): readonly string[] => byName.get(name)?.spec.value.choices ?? [];
  const parse = await exported(root, PARSER_MODULES, "parseCommandLine") as Parse;

  const defaults: Record<string, Record<string, unknown>> = {};
  for (const { command, args } of commandLines(choicesOf)) {
    const { config } = parse(command, args, MACHINE);
    for (const [name, { field, spec }] of byName) {
      if (!spec.commands.includes(command)) continue;
      const value = config[field] === undefined ? config[name] : config[field];
      (defaults[name] ??= {})[`${command} ${args.join(" ")}`] = value;
    }
  }
  return Object.fromEntries([...byName].map(([name, { spec }]) => [`option --${name}`, {
    commands: COMMANDS.filter((command) => spec.commands.includes(command)),
    value: JSON.parse(JSON.stringify(spec.value)),
    defaults: defaults[name],
  }]));
}

/** Returns the command lines whose resolved values are the defaults: of each data set, preset and protocol. */
function commandLines(
  choicesOf: (name: string) => readonly string[],
): { command: Command; args: string[] }[] {
  const datasets = choicesOf("dataset_name").map((name) => `--dataset_name=${name}`);
  const presets = choicesOf("preset").map((name) => `--preset=${name}`);
  const evaluations = choicesOf("protocol").flatMap((protocol) =>
    datasets.map((dataset) => ["--checkpoint=none", dataset, `--protocol=${protocol}`])
  );
  return [
    ...[...datasets, ...presets].map((arg) => ({ command: "train" as const, args: [arg] })),
    ...evaluations.map((args) => ({ command: "eval" as const, args })),
  ];
}

type Parse = (
  command: Command,
  args: readonly string[],
  environment: typeof MACHINE,
) => { config: Record<string, unknown> };

function isOption(entry: unknown): entry is Option {
  const { option, commands, value } = entry as Partial<Option>;
  return typeof option === "string" && Array.isArray(commands) && typeof value === "object" &&
    COMMANDS.some((command) => commands.includes(command));
}

/**
 * Returns what the first module of the checkout that is there exports under a name.
 *
 * @throws Error where none is there, or the one that is exports no such name: this reader is to follow the sources
 */
async function exported(
  root: string,
  modules: readonly string[],
  name: string,
): Promise<unknown> {
  const path = modules.map((module) => join(root, module)).find(exists);
  if (path === undefined) {
    throw new Error(`Cannot find ${name} in ${root}: expected one of ${modules.join(", ")}`);
  }
  const found = (await import(pathToFileURL(path).href))[name];
  if (found === undefined) throw new Error(`Cannot find ${name} in ${path}: expected an export`);
  return found;
}
