/**
 * The commands of `src/cli.ts` as data, and the reading of their command lines.
 *
 * @module
 */

import {
  type CommandLine,
  type CommandSpec,
  commandWords,
  type Given,
  type OptionTable,
  type ReadableTable,
  readGiven,
  requireOptions,
  type Values,
  withDefaults,
} from "../../base/command_line.ts";
import { nearestTo } from "../../base/edit_distance.ts";
import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { SYNONYMS } from "../synonyms.ts";
import { COMPARE } from "./compare.ts";
import { EMBED } from "./embed.ts";
import { EXPORT } from "./export.ts";
import { INFO } from "./info.ts";
import { PACK } from "./pack.ts";
import { METRICS, REPORT, WATCH } from "./report.ts";
import { REPLAY } from "./replay.ts";
import { EVAL, TRAIN } from "./run.ts";
import { SERVE } from "./serve.ts";
import { DOCTOR, PLAN, SUBMIT } from "./slurm.ts";
import { VIEWS } from "./views.ts";

/** The commands, in the order of the documentation. */
export const COMMANDS = {
  train: TRAIN,
  eval: EVAL,
  embed: EMBED,
  export: EXPORT,
  views: VIEWS,
  pack: PACK,
  info: INFO,
  metrics: METRICS,
  report: REPORT,
  compare: COMPARE,
  replay: REPLAY,
  watch: WATCH,
  serve: SERVE,
  submit: SUBMIT,
  plan: PLAN,
  doctor: DOCTOR,
} as const satisfies Record<string, CommandSpec>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** A command's own options, and the rest of its command line. */
export interface ReadCommand<Table extends OptionTable> {
  /** Values of the command's own options, with defaults. */
  own: Values<Table>;
  /** Checked arguments with options of the commands `beside`. */
  rest: string[];
  /** Arguments after `--`. */
  passedOn: readonly string[];
}

/** Returns the command of a name. @throws UserError (usage) for an unknown or missing name */
export function commandNamed(name: string | undefined): CommandName {
  const names = Object.keys(COMMANDS) as CommandName[];
  const known = names.find((one) => one === name);
  if (known !== undefined) return known;
  const near = name === undefined ? undefined : nearestTo(name, names);
  throw new UserError(
    `Cannot run ${name ?? "no command"}: expected ${names.slice(0, -1).join(", ")} or ${
      names.at(-1)
    }${near === undefined ? "" : `; did you mean ${near}`}`,
    ExitCode.usage,
  );
}

/** Returns the options by which a command line is read: those of the command and of the commands `beside`. */
export function lineOf(
  name: CommandName,
  beside: readonly string[] = specOf(name).beside ?? [],
): CommandLine {
  const spec = specOf(name);
  const others = beside.map((other) => specOf(other as CommandName).options);
  const options: ReadableTable = Object.assign({}, ...others, spec.options);
  const names = new Set(Object.values(options).map(({ option }) => option));
  return {
    command: commandWords(name),
    options,
    synonyms: SYNONYMS,
    elsewhere: (option) => names.has(option) ? undefined : adviceOn(option, names),
    ...(spec.passesOnTo ? { passesOn: true } : {}),
  };
}

/**
 * Reads a command line: values of the command's own options, and the arguments that belong to the commands `beside`.
 *
 * @param beside commands whose options are accepted as well; by default those of `spec.beside`
 * @throws UserError (usage) for unknown, misplaced and missing options and for values out of range
 */
export function readCommand<Table extends OptionTable>(
  spec: CommandSpec<Table>,
  args: readonly string[],
  beside: readonly string[] = spec.beside ?? [],
): ReadCommand<Table> {
  const { values, words, passedOn } = readGiven(args, lineOf(spec.name as CommandName, beside));
  const isOwn = (field: string): boolean => Object.hasOwn(spec.options, field);
  const own = Object.fromEntries(Object.entries(values).filter(([field]) => isOwn(field)));
  for (const { options } of [spec, ...beside.map((other) => specOf(other as CommandName))]) {
    // The file of --config may hold the required options.
    const isInFile = values.config !== undefined && Object.hasOwn(options, "config");
    if (!isInFile) requireOptions(values, { name: spec.name, options });
  }
  return {
    own: withDefaults(own as Given<Table>["values"], spec),
    rest: words.flatMap(({ field, words }) => isOwn(field) ? [] : words),
    passedOn,
  };
}

function specOf(name: CommandName): CommandSpec {
  return COMMANDS[name];
}

/** Returns a hint on an option of other commands; undefined for an option that no command has. */
function adviceOn(option: string, names: ReadonlySet<string>): string | undefined {
  if (option === "checkpoint" && names.has("resume")) {
    return "to resume from a checkpoint, give --resume=FILE";
  }
  const takers = (Object.keys(COMMANDS) as CommandName[]).filter((name) =>
    Object.values(specOf(name).options).some((spec) => spec.option === option)
  );
  return takers.length === 0 ? undefined : `it belongs to ${commandWords(takers.join(", "))}`;
}
