/**
 * Kinds of option values, with their checks and descriptions.
 *
 * @module
 */

/**
 * Kind of value. The limits `least` and `most` are allowed values, `above` and `below` are not. `former` choices are
 * names of earlier versions, which are accepted and not listed.
 */
export type ValueKind =
  | { kind: "choice"; choices: readonly string[]; former?: readonly string[] }
  | { kind: "integer"; least: number; most?: number }
  | { kind: "number"; least?: number; above?: number; most?: number; below?: number }
  | { kind: "flag" }
  | { kind: "path"; words?: readonly string[]; endings?: readonly string[] }
  | { kind: "name" }
  | { kind: "text"; pattern?: RegExp; expected?: string; placeholder?: string };

/** The type of the values of a kind. */
export type ValueOf<Kind extends ValueKind> = Kind extends { kind: "flag" } ? boolean
  : Kind extends { kind: "integer" | "number" } ? number
  : Kind extends { kind: "choice"; choices: readonly (infer Choice)[] }
    ? Choice | (Kind extends { former: readonly (infer Former)[] } ? Former : never)
  : string;

/** A value of an option. */
export type OptionValue = string | number | boolean | null;

/** A size or count that 32 bits hold. */
export const LARGEST_COUNT = 2 ** 31 - 1;

/** Returns the description of the expected values where a value is refused; undefined where it is accepted. */
export function problemOf(kind: ValueKind, value: unknown): string | undefined {
  return isFine(kind, value) ? undefined : expectationOf(kind);
}

/** Returns what was expected of a path whose ~ no shell has replaced; undefined for any other value. */
export function tildeIn(kind: ValueKind, value: unknown): string | undefined {
  if (kind.kind !== "path" || typeof value !== "string" || !value.startsWith("~")) return undefined;
  const home = /^~(?=\/|$)/.test(value) ? `"$HOME${value.slice(1)}"` : "the whole path";
  return `${home}, as the shell left the ~ as it is (./${value} names a folder of that name)`;
}

function isFine(kind: ValueKind, value: unknown): boolean {
  switch (kind.kind) {
    case "choice":
      return typeof value === "string" &&
        (kind.choices.includes(value) || kind.former?.includes(value) === true);
    case "flag":
      return typeof value === "boolean";
    case "path":
      return typeof value === "string" && value !== "" && !value.includes("\0") &&
        (kind.endings?.some((ending) => value.endsWith(ending)) ?? true);
    case "name":
      return typeof value === "string" && /^[\w.+=@-]+$/.test(value) && !/^\.+$/.test(value);
    case "text":
      return typeof value === "string" && (kind.pattern?.test(value) ?? true);
    case "integer":
      return Number.isSafeInteger(value) && isWithin(kind, value as number);
    case "number":
      return Number.isFinite(value) && isWithin(kind, value as number);
  }
}

interface Limits {
  least?: number;
  above?: number;
  most?: number;
  below?: number;
}

function isWithin(limits: Limits, value: number): boolean {
  const { least = -Infinity, above = -Infinity, most = Infinity, below = Infinity } = limits;
  return value >= least && value > above && value <= most && value < below;
}

/** Returns the description of a kind's values, to follow "expected". */
export function expectationOf(kind: ValueKind): string {
  switch (kind.kind) {
    case "choice":
      return alternatives(kind.choices);
    case "flag":
      return "true or false";
    case "path":
      return [...kind.words ?? [], "a path"].join(", ") +
        (kind.endings ? ` that ends in ${alternatives(kind.endings)}` : "");
    case "name":
      return "a name of letters, digits and _.+=@-";
    case "text":
      return kind.expected ?? "a text";
    case "integer":
      return `a whole number${limitsInWords(kind)}`;
    case "number":
      return `a number${limitsInWords(kind)}`;
  }
}

function alternatives(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function limitsInWords({ least, above, most, below }: Limits): string {
  // Limits that only keep numbers representable are not mentioned.
  const highest = most !== undefined && most < LARGEST_COUNT ? most : undefined;
  if (least !== undefined && highest !== undefined) return ` from ${least} to ${highest}`;
  const limits = [
    least === undefined ? undefined : `of at least ${least}`,
    above === undefined ? undefined : `above ${above}`,
    highest === undefined ? undefined : `of at most ${highest}`,
    below === undefined ? undefined : `below ${below}`,
  ].filter((limit) => limit !== undefined);
  return limits.length === 0 ? "" : ` ${limits.join(" and ")}`;
}

/** Returns a value as it is written on the command line: 0.000001 as 1e-6. */
export function shownValue(value: OptionValue): string {
  if (typeof value !== "number" || value === 0) return String(value);
  const exponential = value.toExponential().replace("e+", "e");
  return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7 ? exponential : String(value);
}
