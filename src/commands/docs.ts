/**
 * `deno task docs`: writes docs/options.md from the commands and the table of options, and
 * docs/augmentation.schema.json from the fields of a view.
 *
 * @module
 */

import { type CommandSpec, commandWords, type Values } from "../base/command_line.ts";
import { EXIT_CODE_MEANINGS, ExitCode } from "../base/exit_codes.ts";
import { defaultOf } from "../base/help.ts";
import { expectationOf, shownValue } from "../base/option_values.ts";
import { OPTIONS_OF_ONE_RUN } from "../options/config_file.ts";
import { runProgram } from "../base/program.ts";
import { showLine } from "../base/output.ts";
import { COMMANDS } from "../options/commands/registry.ts";
import type { Recipe, RunConfig } from "../options/config.ts";
import { datasetDefaults, defaultText } from "../options/defaults.ts";
import { GROUPS, PER_DATASET } from "../options/option.ts";
import { PRESETS } from "../options/presets.ts";
import { FIELDS, optionOf } from "../options/table.ts";
import { viewSchema } from "../recipes/view_schema.ts";
import { PRESET_NAMES, presetViews } from "../recipes/preset_views.ts";
import { SETUP } from "../setup/options.ts";

/** Commands whose options are those of the table. */
const OF_TABLE: readonly string[] = ["train", "eval"];

const DOCS = {
  name: "docs",
  summary: "Writes docs/options.md and docs/augmentation.schema.json from their tables",
  options: {
    check: {
      option: "check",
      value: { kind: "flag" },
      help: "Write nothing, and fail if the file would change",
      default: false,
    },
  },
} as const satisfies CommandSpec;

const FILE_OF_OPTIONS = `\`--config=FILE.json\` takes options from an object of their names:

    { "preset": "cifar10_tuned", "nb_epochs": 200, "online_probe": false, "data_dir": "data/cifar10" }

Each option is checked like an option of the command line, and an unknown one is refused. Null means no value. Paths are
relative to the working directory, as on the command line. The file may also be the config.json of a run, from which the
options that the user gave on the command line or in a file are taken, with preset and data set. Never taken are
${
  OPTIONS_OF_ONE_RUN.map((option) => `--${option}`).join(", ")
}. \`deno task eval\` leaves out the options of training.`;

/** Returns the page in Markdown. */
export function optionsPage(): string {
  return [
    "<!-- deno-fmt-ignore-file -->",
    "<!-- Written by `deno task docs` from src/options/ and src/setup/options.ts. -->",
    "# Options",
    "`deno task` lists the commands, and `deno task COMMAND --help` the options of a command. The options of train and " +
    "eval come first; [the other commands](#other-commands) follow.",
    "Options are written `--name=value` or `--name value`. A switch is turned on by `--name`, off by `--name=false`. Of an " +
    "option given twice, the last value counts. The command line takes precedence over the file of `--config`, the file " +
    "over a preset, and a preset over the data set's defaults. The defaults of `deno task eval` for data set, image size, " +
    "limit of the training images, network, probe, seed and type of numbers are those of the checkpoint. The folder of the " +
    "images, hardware and precision are not taken from it. A run's config.json holds the origin of each value.",
    "The defaults for folder are those for 1,500 photos; " +
    "[imagenet.md](imagenet.md#the-recipe-for-a-folder) tells how they follow from the images.",
    ...GROUPS.flatMap((group) => [`## ${group}`, groupTable(group)]),
    "## A file of options",
    FILE_OF_OPTIONS,
    "## Presets",
    presetTable(),
    "DeepMind's presets give the learning rate for 256 images and scale it with `--batch_size`.",
    "## Other commands",
    ...[...Object.values(COMMANDS), SETUP].filter(({ name }) => !OF_TABLE.includes(name))
      .flatMap(commandSection),
    "## Exit codes",
    table(["code", "meaning"], Object.entries(EXIT_CODE_MEANINGS)),
  ].join("\n\n") + "\n";
}

function groupTable(group: string): string {
  const rows = FIELDS.filter((field) => optionOf(field).group === group).map((field) => {
    const { option, commands, help, value } = optionOf(field);
    return [
      `\`--${option}\``,
      commands.join(", "),
      expectationOf(value),
      tableDefault(field),
      help,
    ];
  });
  return table(["option", "of", "value", "default", "what it does"], rows);
}

function tableDefault(field: keyof RunConfig): string {
  if (optionOf(field).default !== PER_DATASET) return defaultText(field);
  const values = datasetDefaults(field as keyof Recipe);
  const isOne = new Set(values.map(([, value]) => value)).size === 1;
  return isOne ? values[0]![1] : values.map(([name, value]) => `${name}: ${value}`).join("<br>");
}

function commandSection(spec: CommandSpec): string[] {
  const rows = Object.values(spec.options).map((option) => [
    `\`--${option.option}\``,
    `${expectationOf(option.value)}${option.list ? "; several with commas" : ""}${
      option.repeats ? "; may be repeated" : ""
    }`,
    option.required ? "required" : defaultOf(option),
    [
      option.help,
      ...Object.entries(option.choicesHelp ?? {}).map(([name, about]) => `${name}: ${about}`),
    ].join("<br>"),
  ]);
  const beside = (spec.beside ?? []).map((name) => `\`${commandWords(name)}\``).join(" or ");
  return [
    `### ${spec.name}`,
    `\`${commandWords(spec.name)}\`: ${spec.summary}.${
      beside === "" ? "" : ` The options of ${beside} are accepted as well.`
    }`,
    table(["option", "value", "default", "what it does"], rows),
  ];
}

/** Returns the table of presets, with the options in which they differ. */
function presetTable(): string {
  const fields = FIELDS.filter((field) => {
    if (optionOf(field).default !== PER_DATASET) return false;
    const values = PRESET_NAMES.map((name) => PRESETS[name].recipe[field as keyof Recipe]);
    return new Set(values).size > 1;
  }) as (keyof Recipe)[];
  const rows = PRESET_NAMES.map((name) => {
    const { about, datasetName, recipe } = PRESETS[name];
    const own = presetViews(name) ? "; views of its own" : "";
    return [
      `\`${name}\``,
      datasetName,
      ...fields.map((field) => shownValue(recipe[field])),
      `${about}${own}`,
    ];
  });
  return table(
    ["preset", "data", ...fields.map((field) => optionOf(field).option), "what it is"],
    rows,
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Escapes text for a cell of a table; line breaks (`<br>`) remain markup. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll(/<(?!br>)/g, "&lt;");
}

async function main({ check }: Values<typeof DOCS.options>): Promise<ExitCode> {
  for (const [name, text] of Object.entries(writtenPages())) {
    const file = new URL(`../../docs/${name}`, import.meta.url);
    if (!check) {
      await Deno.writeTextFile(file, text);
    } else if (await Deno.readTextFile(file) !== text) {
      showLine(`docs/${name} differs from its source; run: deno task docs`);
      return ExitCode.unexpected;
    }
  }
  return ExitCode.ok;
}

/** Returns the texts of the files that are written, by their names in docs/. */
export function writtenPages(): Record<string, string> {
  return {
    "options.md": optionsPage(),
    "augmentation.schema.json": `${JSON.stringify(viewSchema(), null, 2)}\n`,
  };
}

if (import.meta.main) await runProgram(DOCS, main);
