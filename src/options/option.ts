/**
 * Types of the table of options: what an entry says, and the type of value that it describes.
 *
 * @module
 */

import type { OptionValue, ValueKind, ValueOf } from "../base/option_values.ts";

/** The commands that take options of the table. */
export type Command = "train" | "eval";

/** Marks a default that each data set has for itself (presets.ts). */
export const PER_DATASET: unique symbol = Symbol("per dataset");

/** The headings of the help, in order. */
export const GROUPS = [
  "Data",
  "Network",
  "Training",
  "Evaluation",
  "Machine",
  "Run",
  "Checks",
] as const;

/** A heading of the help. */
export type Group = typeof GROUPS[number];

/** An entry of the table. */
export interface Option {
  /** Name on the command line and in stored records, without dashes. */
  readonly option: string;
  /** Heading of the help. */
  readonly group: Group;
  /** Commands that take the option. */
  readonly commands: readonly Command[];
  /** Values that the option accepts. */
  readonly value: ValueKind;
  /** Value where none is given; null for an option that may stay without one. */
  readonly default: OptionValue | typeof PER_DATASET;
  /** Value that a record without the option stands for, where the default has changed what a run does. */
  readonly before?: OptionValue;
  /** Default in words, where it follows from other options or the machine. */
  readonly defaultText?: string;
  /** Marks an option that `eval` takes from the checkpoint where it is not given. */
  readonly fromCheckpoint?: true;
  /** Marks an option that a resumed run may change: nothing that is learned depends on it. */
  readonly changeable?: true;
  /** Effect of the option; no final stop. */
  readonly help: string;
}

/** The type of an option's value: null belongs to it where the default is null. */
export type ValueOfOption<Entry extends Option> =
  | ValueOf<Entry["value"]>
  | (null extends Entry["default"] ? null : never);

/** The table whose entries have a default and a `before` of their own kind: what `Table` must satisfy. */
export type WithSoundDefaults<Table extends Readonly<Record<string, Option>>> = {
  readonly [Field in keyof Table]: {
    readonly default: ValueOf<Table[Field]["value"]> | null | typeof PER_DATASET;
    readonly before?: ValueOf<Table[Field]["value"]> | null;
  };
};
