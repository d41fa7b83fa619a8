/**
 * The text of `--help`, from the table of options.
 *
 * @module
 */

import { PRESET_NAMES } from "../recipes/preset_views.ts";
import type { DatasetName } from "../recipes/views.ts";
import { type Command, GROUPS, type Option, PER_DATASET } from "./option.ts";
import { FIELDS, optionOf } from "./table.ts";
import { expectationOf, type OptionValue, shownValue } from "../base/option_values.ts";
import type { RunConfig } from "./config.ts";
import { EXIT_CODE_MEANINGS } from "../base/exit_codes.ts";
import { DATASET_DEFAULTS, PRESETS } from "./presets.ts";
import type { Recipe } from "./config.ts";

const WIDTH = 100;

const OPENINGS: Readonly<Record<Command, string>> = {
  train: `Trains an image encoder without labels (BYOL), and evaluates it.

  deno task train                                              a demo of a few minutes
  deno task train --dataset_name=cifar10 --data_dir=DIR        CIFAR-10 as published
  deno task train --preset=cifar10_tuned --seed=1              a recipe by name

Options are written --name=value or --name value; a switch is on by --name, off by --name=false. Of an
option given twice, the last counts. Where a default depends on --dataset_name, each is given.`,
  eval: `Evaluates an encoder: a linear probe on its frozen features, and k-nearest-neighbour.

  deno task eval --checkpoint=FILE

Options are written --name=value or --name value; a switch is on by --name, off by --name=false. Of an
option given twice, the last counts. What was decided when the checkpoint was trained (data set, network,
probe, seed) is taken from it, and from the defaults only where it does not say.`,
};

/** The whole text of `--help` for a command. */
export function helpText(command: Command): string {
  const sections = GROUPS.map((group) => {
    const entries = FIELDS.filter((field) => {
      const { group: its, commands } = optionOf(field);
      return its === group && commands.includes(command);
    }).map(entryText);
    return entries.length === 0 ? [] : [`${group}\n${entries.join("")}`];
  }).flat();
  if (command === "train") sections.push(`Presets\n${presetLines()}`);
  sections.push(`Exit codes\n${exitCodeLines()}`);
  return `${OPENINGS[command]}\n\n${sections.join("\n")}`;
}

function entryText(field: keyof RunConfig): string {
  const spec = optionOf(field);
  const value = spec.value.kind === "flag" ? "" : `=${placeholderOf(spec)}`;
  const text = `${spec.help}. ${choicesText(spec)}Default: ${defaultText(field)}`;
  return `  --${spec.option}${value}\n${wrapped(text, 6)}`;
}

function placeholderOf(spec: Option): string {
  switch (spec.value.kind) {
    case "integer":
      return "N";
    case "number":
      return "X";
    case "path":
      return [...spec.value.words ?? [], "PATH"].join("|");
    case "choice":
      return spec.value.choices.length > 6 ? "NAME" : spec.value.choices.join("|");
    default:
      return "NAME";
  }
}

/** What the placeholder does not already say. */
function choicesText(spec: Option): string {
  const { kind } = spec.value;
  const expectation = expectationOf(spec.value);
  const isSaid = kind === "choice" || kind === "flag" || kind === "path" ||
    expectation === "a number";
  if (isSaid) return "";
  return `${expectation[0]!.toUpperCase()}${expectation.slice(1)}. `;
}

/** An option's default in words: one, or one for each data set where they differ. */
export function defaultText(field: keyof RunConfig): string {
  const spec = optionOf(field);
  if (spec.defaultText !== undefined) return spec.defaultText;
  if (spec.default !== PER_DATASET) return shownDefault(spec.default);
  const defaults = datasetDefaults(field as keyof Recipe);
  const different = new Set(defaults.map(([, value]) => value));
  if (different.size === 1) return defaults[0]![1];
  return defaults.map(([dataset, value]) => `${dataset} ${value}`).join(", ");
}

/** The default of a recipe's option for each data set, as one would type it. */
export function datasetDefaults(field: keyof Recipe): [DatasetName, string][] {
  const datasets = Object.keys(DATASET_DEFAULTS) as DatasetName[];
  return datasets.map((dataset) => [dataset, shownValue(DATASET_DEFAULTS[dataset][field])]);
}

function shownDefault(value: OptionValue): string {
  if (value === false) return "off";
  return value === null ? "none" : shownValue(value);
}

function presetLines(): string {
  const width = Math.max(...PRESET_NAMES.map((name) => name.length)) + 2;
  const lines = PRESET_NAMES.map((name) => `  ${name.padEnd(width)}${PRESETS[name].about}\n`);
  return lines.join("");
}

function exitCodeLines(): string {
  return Object.entries(EXIT_CODE_MEANINGS)
    .map(([code, meaning]) => `  ${code.padStart(2)}  ${meaning}\n`).join("");
}

function wrapped(text: string, indent: number): string {
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
