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

/** Refuses the fields of `Found` that `Known` does not have. */
type NoOthers<Found, Known> = { readonly [Field in Exclude<keyof Found, keyof Known>]: never };

/** Refuses entries whose default or `before` is no value of their kind, and fields that an entry or a kind does not have. */
type Sound<Table extends Readonly<Record<string, Option>>> = {
  readonly [Field in keyof Table]:
    & {
      readonly default: ValueOf<Table[Field]["value"]> | null | typeof PER_DATASET;
      readonly before?: ValueOf<Table[Field]["value"]> | null;
      readonly value: NoOthers<
        Table[Field]["value"],
        Extract<ValueKind, { kind: Table[Field]["value"]["kind"] }>
      >;
    }
    & NoOthers<Table[Field], Option>;
};

/** Returns the table as it is; its type keeps every kind and default, for types that are derived from it. */
export function defineOptions<const Table extends Readonly<Record<string, Option>>>(
  table: Table & Sound<Table>,
): Table {
  return table;
}
