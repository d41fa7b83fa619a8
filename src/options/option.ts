/**
 * Types of the table of options: an entry, and the type of value that an entry describes.
 *
 * @module
 */

import type { OptionValue, ValueKind, ValueOf } from "../base/option_values.ts";

/** The commands that take options of the table. */
export type Command = "train" | "eval";

/** Mark of a default that depends on the data set (presets.ts). */
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
  /** Default value; null for an option that may have no value. */
  readonly default: OptionValue | typeof PER_DATASET;
  /** Value for a stored record without the option, where the default differs from the behaviour of earlier versions. */
  readonly before?: OptionValue;
  /** True for an option that records leave out where it has the value of `before`: their bytes stay those of earlier versions. */
  readonly sparse?: true;
  /** Description of a default that follows from other options or the machine. */
  readonly defaultText?: string;
  /** True for an option whose default in `eval` is the checkpoint's value. */
  readonly fromCheckpoint?: true;
  /** True for an option that a resumed run may change, because the learned weights do not depend on it. */
  readonly changeable?: true;
  /** Effect of the option; no final stop. */
  readonly help: string;
}

/** The type of an option's value, which includes null where the default is null. */
export type ValueOfOption<Entry extends Option> =
  | ValueOf<Entry["value"]>
  | (null extends Entry["default"] ? null : never);

/** Constraint on a table: `default` and `before` of each entry must have the type of the entry's values. */
export type WithSoundDefaults<Table extends Readonly<Record<string, Option>>> = {
  readonly [Field in keyof Table]: {
    readonly default: ValueOf<Table[Field]["value"]> | null | typeof PER_DATASET;
    readonly before?: ValueOf<Table[Field]["value"]> | null;
  };
};
