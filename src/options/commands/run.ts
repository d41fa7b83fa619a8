/** `train` and `eval` as data, with the options of the table (../table.ts). */

import type { CommandSpec, OptionSpec } from "../../base/command_line.ts";
import { EXIT_CODE_MEANINGS } from "../../base/exit_codes.ts";
import { defaultText } from "../defaults.ts";
import { PRESET_NAMES } from "../../recipes/preset_views.ts";
import { type Command, GROUPS } from "../option.ts";
import { PRESETS } from "../presets.ts";
import { FIELDS, optionOf } from "../table.ts";

const HOW_TO_WRITE =
  "Options are written --name=value or --name value. A switch is turned on by --name, off by --name=false. " +
  "Of an option given twice, the last value counts.";

/** `deno task train`. */
export const TRAIN: CommandSpec = {
  name: "train",
  summary: "Trains an image encoder without labels (BYOL), and evaluates it",
  examples: [
    ["", "a demo of a few minutes"],
    ["--dataset_name=cifar10 --data_dir=DIR", "CIFAR-10 as published"],
    ["--preset=cifar10_tuned --seed=1", "a recipe by name"],
  ],
  options: optionsOf("train"),
  remarks: [
    `${HOW_TO_WRITE} A default that depends on --dataset_name is listed for each data set.`,
  ],
  sections: [["Presets", presetLines()], ["Exit codes", exitCodeLines()]],
};

/** `deno task eval`. */
export const EVAL: CommandSpec = {
  name: "eval",
  summary: "Evaluates an encoder by a linear probe on its frozen features and by k-NN",
  examples: [["--checkpoint=FILE"]],
  options: optionsOf("eval"),
  remarks: [
    `${HOW_TO_WRITE} Data set, network, probe and seed are those that the checkpoint was trained with; the ` +
    "defaults apply only to options that the checkpoint does not hold.",
  ],
  sections: [["Exit codes", exitCodeLines()]],
};

/** Returns the options of a command from the table, grouped by the headings of the help. */
function optionsOf(command: Command): Record<string, OptionSpec> {
  const fields = GROUPS.flatMap((group) =>
    FIELDS.filter((field) => {
      const option = optionOf(field);
      return option.group === group && option.commands.includes(command);
    })
  );
  return Object.fromEntries(fields.map((field) => {
    const { option, value, help, group } = optionOf(field);
    const isRequired = command === "eval" && field === "checkpoint";
    return [field, {
      ...{ option, value, help, group },
      ...(isRequired ? { required: true, placeholder: "FILE" } : {
        defaultText: defaultText(field),
      }),
    }];
  }));
}

function presetLines(): string[] {
  const width = Math.max(...PRESET_NAMES.map((name) => name.length)) + 2;
  return PRESET_NAMES.map((name) => `${name.padEnd(width)}${PRESETS[name].about}`);
}

function exitCodeLines(): string[] {
  return Object.entries(EXIT_CODE_MEANINGS).map(([code, meaning]) =>
    `${code.padStart(2)}  ${meaning}`
  );
}
