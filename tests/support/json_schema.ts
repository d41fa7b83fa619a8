/** Validation by the parts of JSON Schema (draft 2020-12) that docs/augmentation.schema.json uses. */

type Schema = Readonly<Record<string, unknown>>;

/** Tests of single keywords; each returns true where the value fits, or is of a type that the keyword leaves alone. */
const KEYWORDS: Readonly<
  Record<
    string,
    (argument: never, value: unknown, context: { schema: Schema; root: Schema }) => boolean
  >
> = {
  type: (type: string, value) => isOfType(type, value),
  enum: (allowed: unknown[], value) => allowed.includes(value),
  minimum: (least: number, value) => typeof value !== "number" || value >= least,
  exclusiveMinimum: (least: number, value) => typeof value !== "number" || value > least,
  maximum: (most: number, value) => typeof value !== "number" || value <= most,
  multipleOf: (step: number, value) => typeof value !== "number" || value % step === 0,
  pattern: (pattern: string, value) => typeof value !== "string" || new RegExp(pattern).test(value),
  minItems: (least: number, value) => !Array.isArray(value) || value.length >= least,
  maxItems: (most: number, value) => !Array.isArray(value) || value.length <= most,
  items: (part: Schema, value, { root }) =>
    !Array.isArray(value) || value.every((item) => fits(part, item, root)),
  prefixItems: (parts: Schema[], value, { root }) =>
    !Array.isArray(value) || parts.every((part, at) => fits(part, value[at], root)),
  required: (names: string[], value) =>
    !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (parts: Record<string, Schema>, value, { root }) =>
    !isObject(value) ||
    Object.entries(parts).every(([name, part]) =>
      !Object.hasOwn(value, name) || fits(part, value[name], root)
    ),
  additionalProperties: (_none: false, value, { schema }) =>
    !isObject(value) ||
    Object.keys(value).every((name) => Object.hasOwn(schema.properties as Schema, name)),
  anyOf: (parts: Schema[], value, { root }) => parts.some((part) => fits(part, value, root)),
  not: (part: Schema, value, { root }) => !fits(part, value, root),
  $ref: (path: string, value, { root }) => fits(partAt(path, root), value, root),
};

/** Keywords without effect on validation. */
const REMARKS = ["$schema", "title", "description", "$defs"];

/** Returns true for a value that a schema accepts. @throws Error for a keyword that is not known here */
export function fits(schema: Schema, value: unknown, root = schema): boolean {
  return Object.entries(schema).every(([keyword, argument]) => {
    if (REMARKS.includes(keyword)) return true;
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new Error(`unknown keyword ${keyword}`);
    return check(argument as never, value, { schema, root });
  });
}

function partAt(path: string, root: Schema): Schema {
  return path.split("/").slice(1).reduce((part, name) => part[name] as Schema, root);
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    default:
      throw new Error(`unknown type ${type}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
