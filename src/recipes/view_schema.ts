/**
 * The JSON schema of the file of `--aug_schedule`, for editors: docs/augmentation.schema.json.
 *
 * @module
 */

import { VIEW_FIELDS, type ViewField } from "./view_fields.ts";

/** A JSON schema, or a part of one. */
export type Schema = { readonly [key: string]: unknown };

/** Returns the schema, of JSON Schema's draft 2020-12. */
export function viewSchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Augmentations of --aug_schedule",
    description:
      "The parameters of each view that differ from the recipe of the data set or preset",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      view1: { $ref: "#/$defs/view" },
      view2: { $ref: "#/$defs/view" },
    },
    $defs: {
      view: {
        type: "object",
        additionalProperties: false,
        properties: Object.fromEntries(
          Object.entries(VIEW_FIELDS).map(([name, field]) => [name, fieldSchema(field)]),
        ),
      },
      position: {
        description: "Epochs from the start of the run, or a share of the run",
        anyOf: [
          { type: "number", minimum: 0 },
          { type: "string", pattern: "^\\d+(\\.\\d+)? ?%$" },
        ],
      },
    },
  };
}

function fieldSchema(field: ViewField): Schema {
  const { about, form } = field;
  const description = about;
  if (form === "odd") return { description, ...rangeOf(field), not: { multipleOf: 2 } };
  if (form !== "pair") return { description, ...movable(field) };
  const ends = { type: "array", minItems: 2, maxItems: 2, items: movable(field) };
  return { description, ...ends };
}

/** Returns the schema of a number that may move: a number, a ramp, or a list of steps. */
function movable(field: ViewField): Schema {
  const moving = rangeOf({ ...field, form: "number" });
  const position = { $ref: "#/$defs/position" };
  const ramp = {
    from: moving,
    to: moving,
    startEpoch: position,
    endEpoch: position,
    curve: { enum: ["linear", "cosine"] },
  };
  return {
    anyOf: [
      rangeOf(field),
      {
        type: "object",
        additionalProperties: false,
        required: Object.keys(ramp),
        properties: ramp,
      },
      {
        type: "array",
        minItems: 1,
        items: { type: "array", minItems: 2, maxItems: 2, prefixItems: [position, moving] },
      },
    ],
  };
}

function rangeOf({ form, least, isOpen, most }: ViewField): Schema {
  return {
    type: form === "whole" || form === "odd" ? "integer" : "number",
    [isOpen ? "exclusiveMinimum" : "minimum"]: least,
    ...most !== undefined && { maximum: most },
  };
}
