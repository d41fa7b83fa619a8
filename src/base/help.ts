/**
 * The text of `--help` of any command, from the command as data.
 *
 * @module
 */

import { type CommandSpec, commandWords, type OptionSpec, placeholderOf } from "./command_line.ts";
import { expectationOf, type OptionValue, shownValue } from "./option_values.ts";

const WIDTH = 100;
/** Heading of options without a heading of their own. */
const OPTIONS = "Options";

/** Returns the whole text of a command's `--help`, without a line end. */
export function helpOf(spec: CommandSpec): string {
  const paragraphs = [
    `${wrapped(usageOf(spec)).trimEnd()}\n`,
    wrapped(`${spec.summary}.`),
    ...examplesOf(spec),
    ...(spec.remarks ?? []).map((remark) => wrapped(remark)),
    ...besideText(spec),
  ];
  return [paragraphs.join("\n"), ...optionSections(spec), ...otherSections(spec)].join("\n")
    .trimEnd();
}

function usageOf(
  { name, options, beside = [], words, operands, passesOnTo }: CommandSpec,
): string {
  const own = Object.values(options);
  // Two operands, as the one command that has any takes.
  const required = own.filter((option) => option.required).map((option) =>
    option.option === operands ? "A B" : wordOf(option)
  );
  return [
    `Usage: ${commandWords(name)}`,
    ...required,
    ...(own.length > required.length ? ["[options]"] : []),
    ...(beside.length > 0 ? [`[options of ${beside.map(commandWords).join(" or ")}]`] : []),
    ...(words ? [`[${words} …]`] : []),
    ...(passesOnTo ? [`[-- options of ${passesOnTo}]`] : []),
  ].join(" ");
}

function wordOf(option: OptionSpec): string {
  if (option.value.kind === "flag") return `--${option.option}`;
  const placeholder = placeholderOf(option);
  return `--${option.option}=${placeholder}${option.list ? `[,${placeholder} …]` : ""}`;
}

function examplesOf({ name, examples = [] }: CommandSpec): string[] {
  if (examples.length === 0) return [];
  const lines = examples.map(([line, remark]) => [`  ${commandWords(name)} ${line}`, remark]);
  const remarked = lines.filter(([, remark]) => remark !== undefined);
  const width = Math.max(0, ...remarked.map(([line]) => line!.length)) + 3;
  return [
    lines.map(([line, remark]) => remark ? `${line!.padEnd(width)}# ${remark}\n` : `${line}\n`)
      .join(""),
  ];
}

function besideText({ beside = [] }: CommandSpec): string[] {
  if (beside.length === 0) return [];
  const others = beside.map((name) => `${name} (${commandWords(name)} --help)`).join(" or ");
  return [wrapped(`Beside the options below, it takes those of ${others}.`)];
}

function optionSections({ options }: CommandSpec): string[] {
  const sections = new Map<string, string>();
  for (const option of Object.values(options)) {
    const { group = OPTIONS } = option;
    sections.set(group, (sections.get(group) ?? "") + entryOf(option));
  }
  return [...sections].map(([heading, entries]) => `${heading}\n${entries}`);
}

function otherSections({ sections = [] }: CommandSpec): string[] {
  return sections.map(([heading, lines]) =>
    `${heading}\n${lines.map((line) => `  ${line}\n`).join("")}`
  );
}

function entryOf(option: OptionSpec): string {
  const default_ = option.required ? "Required" : `Default: ${defaultOf(option)}`;
  const text = `${option.help}. ${expectationText(option)}${default_}`;
  const choices = Object.entries(option.choicesHelp ?? {});
  const width = Math.max(0, ...choices.map(([name]) => name.length)) + 2;
  const choiceLines = choices.map(([name, about]) =>
    wrapped(about, 6 + width).replace(" ".repeat(width + 6), `      ${name.padEnd(width)}`)
  );
  return `  ${wordOf(option)}\n${wrapped(text, 6)}${choiceLines.join("")}`;
}

/** Returns the description of an option's values, unless the placeholder tells as much. */
function expectationText({ value, repeats }: OptionSpec): string {
  const expectation = expectationOf(value);
  const isSaid = ["choice", "flag", "path", "text"].includes(value.kind) ||
    expectation === "a number";
  const sentence = isSaid ? "" : `${expectation[0]!.toUpperCase()}${expectation.slice(1)}. `;
  return repeats ? `${sentence}May be repeated. ` : sentence;
}

/** Returns an option's default as text; "none" without a default. */
export function defaultOf({ default: value, defaultText }: OptionSpec): string {
  if (defaultText !== undefined) return defaultText;
  if (value === false) return "off";
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? value.join(", ") || "none" : shownValue(value as OptionValue);
}

/** Breaks a text into indented lines of at most 100 characters, each with a line end. */
export function wrapped(text: string, indent = 0): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${" ".repeat(indent)}${each}\n`).join("");
}

/** Returns the list of commands with their summaries. */
export function commandList(specs: readonly CommandSpec[]): string {
  const width = Math.max(...specs.map(({ name }) => name.length)) + 2;
  const lines = specs.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return [
    "Usage: deno task COMMAND [options]",
    "",
    "Commands",
    ...lines,
    "",
    "deno task COMMAND --help lists options.",
  ]
    .join("\n");
}
