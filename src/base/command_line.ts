/**
 * Reader of command lines: from arguments and a table of options to typed, checked values.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearestTo } from "./edit_distance.ts";
import { usageError, type UserError } from "./exit_codes.ts";
import {
  expectationOf,
  type OptionValue,
  problemOf,
  tildeIn,
  type ValueKind,
  type ValueOf,
} from "./option_values.ts";

/** An option, as far as the reader needs it. */
export interface ReadableOption {
  /** Name on the command line, without dashes. */
  readonly option: string;
  /** Values that the option accepts. */
  readonly value: ValueKind;
  /** True for an option that collects its values when it is given several times; otherwise the last value counts. */
  readonly repeats?: true;
  /** True for an option with several values, separated by commas. */
  readonly list?: true;
}

/** Options by the name of the field that holds their value. */
export type ReadableTable = Readonly<Record<string, ReadableOption>>;

/** A command, as far as the reader needs it. */
export interface CommandLine<Table extends ReadableTable = ReadableTable> {
  /** The words that start the command, as in "deno task train". */
  readonly command: string;
  readonly options: Table;
  /** Names that other programs use, without dashes, each with the names of the options it may mean here. */
  readonly synonyms?: Readonly<Record<string, readonly string[]>>;
  /** Advice on an option that the command lacks and another one has, to follow "Cannot use --x with COMMAND: ". */
  readonly elsewhere?: (option: string) => string | undefined;
  /** True where arguments after `--` are passed on to another program. */
  readonly passesOn?: true;
  /** True where arguments that are no options are accepted. */
  readonly takesWords?: true;
}

type Several = { readonly repeats: true } | { readonly list: true };

/** The value of a given option: one value, or an array for an option with several. */
export type GivenValue<Option extends ReadableOption> = Option extends Several
  ? ValueOf<Option["value"]>[]
  : ValueOf<Option["value"]>;

/** The contents of a command line, without defaults. */
export interface Given<Table extends ReadableTable> {
  /** Values by field; a field is absent where its option is not given. */
  readonly values: { -readonly [Field in keyof Table]?: GivenValue<Table[Field]> };
  /** The words of each option, in the order of the command line. */
  readonly words: readonly { readonly field: keyof Table; readonly words: readonly string[] }[];
  /** The words that are no options. */
  readonly positionals: readonly string[];
  /** The words after `--`. */
  readonly passedOn: readonly string[];
}

/** An option of a command, as data: for reading it, for `--help` and for docs/options.md. */
export interface OptionSpec extends ReadableOption {
  /** Purpose, and what to know of the value; no final stop. */
  readonly help: string;
  /** Heading of the help that the option stands under. */
  readonly group?: string;
  /** Lines about the choices, by their names. */
  readonly choicesHelp?: Readonly<Record<string, string>>;
  /** Word that stands for the value in the help, such as FILE; default: by the kind of value. */
  readonly placeholder?: string;
  /** Value where the option is not given; null for none. Absent only where it is required. */
  readonly default?: OptionValue | readonly string[];
  /** The default in words, where it follows from something else. */
  readonly defaultText?: string;
  /** The command cannot do without it. */
  readonly required?: true;
}

/** Options of a command by the name of the field that holds their value. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** A command, as data: what it does and which options it takes. */
export interface CommandSpec<Table extends OptionTable = OptionTable> {
  /** Name: "train" for `deno task train`. */
  readonly name: string;
  /** Purpose in one sentence without its final stop; the task's description in deno.json. */
  readonly summary: string;
  /** Lines to type, each with a remark. */
  readonly examples?: readonly (readonly [line: string, remark?: string])[];
  readonly options: Table;
  /** Commands whose options it takes beside its own. */
  readonly beside?: readonly string[];
  /** Word that stands for words without a name, such as FILTER; without it, there are none. */
  readonly words?: string;
  /** Option whose values may stand without its name, in front of all options. */
  readonly operands?: string;
  /** Program that gets the words after `--`. */
  readonly passesOnTo?: string;
  /** Paragraphs between the examples and the options. */
  readonly remarks?: readonly string[];
  /** Headings below the options, each with its lines. */
  readonly sections?: readonly (readonly [heading: string, lines: readonly string[]])[];
}

type ValueWithDefault<Option extends OptionSpec> =
  | GivenValue<Option>
  | (Option extends { readonly default: null } ? null : never);

/** The values of a command's options, with defaults. */
export type Values<Table extends OptionTable> = {
  [Field in keyof Table]: ValueWithDefault<Table[Field]>;
};

/** Returns the words that start a command, for hints. */
export function commandWords(name: string): string {
  return `deno task ${name}`;
}

/** Returns the words of a command line with the name of the option put before each word in front of all options. */
export function withOperands(args: readonly string[], { operands }: CommandSpec): string[] {
  if (operands === undefined) return [...args];
  const first = args.findIndex((word) => word.startsWith("-"));
  const count = first < 0 ? args.length : first;
  return args.map((word, at) => at < count ? `--${operands}=${word}` : word);
}

/** The contents of a program's command line, with defaults. */
export interface ReadOptions<Table extends OptionTable> {
  values: Values<Table>;
  /** The words that are no options. */
  words: readonly string[];
}

/**
 * Reads the command line of a command that accepts no options of other commands.
 *
 * @throws UserError (usage) for command lines that readGiven() refuses, and for a missing required option
 */
export function readOptions<Table extends OptionTable>(
  args: readonly string[],
  spec: CommandSpec<Table>,
): ReadOptions<Table> {
  const { values, positionals } = readGiven(args, {
    command: commandWords(spec.name),
    options: spec.options,
    ...(spec.words === undefined ? {} : { takesWords: true }),
  });
  requireOptions(values, spec);
  return { values: withDefaults(values, spec), words: positionals };
}

/** Adds a command's defaults to the given values. */
export function withDefaults<Table extends OptionTable>(
  given: Given<Table>["values"],
  { options }: CommandSpec<Table>,
): Values<Table> {
  const defaults = Object.entries(options).map(([field, { default: value }]) => [field, value]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** Checks that all required options are given. @throws UserError (usage) for the first that is missing */
export function requireOptions(
  values: Readonly<Record<string, unknown>>,
  { name, options }: Pick<CommandSpec, "name" | "options">,
): void {
  for (const [field, option] of Object.entries(options)) {
    if (!option.required || values[field] !== undefined) continue;
    throw missingOption(name, option);
  }
}

/** Returns the error for a missing required option. */
export function missingOption(name: string, option: OptionSpec): UserError {
  return usageError(
    `Cannot run ${commandWords(name)} without --${option.option}: expected --${option.option}=${
      placeholderOf(option)
    }`,
  );
}

/** Returns the word that stands for an option's value. */
export function placeholderOf({ value, placeholder }: Partial<OptionSpec>): string {
  if (placeholder !== undefined) return placeholder;
  switch (value?.kind) {
    case "integer":
      return "N";
    case "number":
      return "X";
    case "path":
      return [...value.words ?? [], "PATH"].join("|");
    case "choice":
      return value.choices.length > 6 ? "NAME" : value.choices.join("|");
    case "text":
      return value.placeholder ?? "NAME";
    default:
      return "NAME";
  }
}

/** Returns true for a command line with --help or -h before any `--`. */
export function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  return own.includes("--help") || own.includes("-h");
}

/**
 * Reads the options of a command line, written as `--name=value` or `--name value`, and checks each value.
 *
 * @throws UserError (usage) for an unknown option, a value out of range or missing, and anything that is no option
 */
export function readGiven<Table extends ReadableTable>(
  args: readonly string[],
  line: CommandLine<Table>,
): Given<Table> {
  const end = line.passesOn ? args.indexOf("--") : -1;
  const own = end < 0 ? args : args.slice(0, end);
  const fields = new Map(Object.keys(line.options).map((field) => [nameOf(line, field), field]));
  const values: Record<string, unknown> = {};
  const words: { field: string; words: string[] }[] = [];
  const positionals: string[] = [];
  for (const token of tokensOf(own, line)) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      if (!line.takesWords) {
        throw usageError(`Cannot use the argument "${token.value}": expected --option=value`);
      }
      positionals.push(token.value);
      continue;
    }
    const field = token.rawName.startsWith("--") ? fields.get(token.name) : undefined;
    if (field === undefined) throw unknownOption(line, token.rawName);
    const option = line.options[field]!;
    const text = textOf(option, token);
    const before = values[field] as unknown[] | undefined;
    if (option.list) values[field] = text.split(",").map((part) => valueOf(option, part));
    else if (option.repeats) values[field] = [...before ?? [], valueOf(option, text)];
    else values[field] = valueOf(option, text);
    const isSpaced = token.value !== undefined && !token.inlineValue;
    words.push({ field, words: own.slice(token.index, token.index + (isSpaced ? 2 : 1)) });
  }
  const passedOn = end < 0 ? [] : args.slice(end + 1);
  return { values: values as Given<Table>["values"], words, positionals, passedOn };
}

type Token = ReturnType<typeof tokensOf>[number];

function tokensOf(args: readonly string[], { options }: CommandLine) {
  const types = Object.values(options).map(({ option, value }) =>
    [option, { type: value.kind === "flag" ? "boolean" : "string" }] as const
  );
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function nameOf({ options }: CommandLine, field: string): string {
  return options[field]!.option;
}

function textOf(
  { option, value }: ReadableOption,
  token: Extract<Token, { kind: "option" }>,
): string {
  if (value.kind === "flag") return token.value ?? "true";
  const isNextOption = !token.inlineValue && token.value?.startsWith("--");
  if (token.value === undefined || isNextOption) {
    throw usageError(`Cannot use --${option} without a value: expected --${option}=value`);
  }
  return token.value;
}

/** Returns the value that an option's text stands for. @throws UserError (usage) */
function valueOf({ option, value: kind }: ReadableOption, text: string): unknown {
  let value: unknown = text;
  if (kind.kind === "flag") {
    value = ({ true: true, false: false } as Record<string, boolean>)[text];
  } else if (kind.kind === "integer") {
    value = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  } else if (kind.kind === "number") {
    value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
  }
  const left = tildeIn(kind, value);
  if (left !== undefined) throw usageError(`Cannot use --${option}=${text}: expected ${left}`);
  if (problemOf(kind, value) === undefined) return value;
  const near = kind.kind === "choice" ? nearestChoice(text, kind.choices) : undefined;
  const hint = near === undefined ? "" : `; did you mean ${near}`;
  throw usageError(`Cannot use --${option}=${text}: expected ${expectationOf(kind)}${hint}`);
}

/** Returns the choice that a text misspells; a text with other digits counts as no misspelling. */
function nearestChoice(text: string, choices: readonly string[]): string | undefined {
  const digits = text.replaceAll(/\D/g, "");
  const alike = choices.filter((choice) => choice.replaceAll(/\D/g, "").startsWith(digits));
  return nearestTo(text.toLowerCase(), alike);
}

function unknownOption(line: CommandLine, rawName: string): UserError {
  const name = rawName.replace(/^-+/, "");
  const advice = line.elsewhere?.(name);
  if (advice !== undefined) {
    return usageError(`Cannot use --${name} with ${line.command}: ${advice}`);
  }
  const meant = optionsMeant(name.toLowerCase().replaceAll("-", "_"), line);
  const hint = meant.length > 0
    ? `did you mean ${meant.map((option) => `--${option}`).join(" or ")}`
    : `see ${line.command} --help`;
  return usageError(`Cannot use ${rawName}: no such option, ${hint}`);
}

/** Returns the options that a name may mean: another program's name, a name with "no_", or a misspelling. */
export function optionsMeant(name: string, { options, synonyms = {} }: CommandLine): string[] {
  const known = Object.values(options);
  const names = known.map(({ option }) => option);
  const same = Object.hasOwn(synonyms, name)
    ? synonyms[name]!.filter((option) => names.includes(option))
    : [];
  if (same.length > 0) return same;
  const off = known.find(({ option, value }) => value.kind === "flag" && name === `no_${option}`);
  if (off !== undefined) return [`${off.option}=false`];
  const nearest = nearestTo(name, names);
  return nearest === undefined ? [] : [nearest];
}
