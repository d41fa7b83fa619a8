/**
 * The fields of a view's recipe as data: their meaning and their ranges, by which recipes are checked, and the JSON
 * schema of the file of `--aug_schedule` is written.
 *
 * @module
 */

import type { ViewRecipe } from "./views.ts";

/** Range of a number, of both ends of a pair, or of a whole number. */
export interface ViewField {
  /** Meaning; no final stop. */
  about: string;
  /** Form of the value. "pair": [min, max]; "odd": an odd whole number, which cannot move over the run. */
  form: "number" | "pair" | "whole" | "odd";
  /** Least value; for `isOpen`, the largest value that is too small. */
  least: number;
  /** True where the value must be above `least`. */
  isOpen?: true;
  /** Largest value; absent where there is none. */
  most?: number;
}

const probability = (of: string): ViewField => ({
  about: `Probability of ${of}`,
  form: "number",
  least: 0,
  most: 1,
});

const factor = (of: string): ViewField => ({
  about: `Factor of ${of}, drawn from 1 - value to 1 + value, at least 0`,
  form: "number",
  least: 0,
  most: 1000,
});

/** The fields, in the order in which the operations are applied. */
export const VIEW_FIELDS: Readonly<Record<keyof ViewRecipe, Readonly<ViewField>>> = {
  cropSize: {
    about: "Side of the square view, in pixels; the same in both views at every step",
    form: "whole",
    least: 1,
    most: 4096,
  },
  cropScale: {
    about: "Range of the crop's area, as a share of the image's",
    form: "pair",
    least: 0,
    isOpen: true,
    most: 1,
  },
  cropRatio: {
    about: "Range of the crop's width over its height",
    form: "pair",
    least: 0,
    isOpen: true,
  },
  flipProbability: probability("a horizontal flip"),
  jitterProbability: probability("the colour jitter as a whole"),
  brightness: factor("the brightness"),
  contrast: factor("the contrast"),
  saturation: factor("the saturation"),
  hue: {
    about: "Shift of the hue, drawn from -value to value, in turns of the colour circle",
    form: "number",
    least: 0,
    most: 0.5,
  },
  grayscaleProbability: probability("grayscale"),
  blurProbability: probability("the Gaussian blur"),
  blurSigma: {
    about: "Range of the blur's standard deviation, in pixels of the view",
    form: "pair",
    least: 0.001,
    most: 1000,
  },
  blurKernel: {
    about: "Side of the blur's kernel, in pixels: odd and below 2 * cropSize; does not move",
    form: "odd",
    least: 1,
  },
  solarizeProbability: probability("solarization"),
  solarizeThreshold: {
    about: "Threshold from which values are inverted",
    form: "number",
    least: 0,
    most: 1,
  },
};

/**
 * Returns the fault of a recipe, such as `hue=2: expected a number from 0 to 0.5`; undefined where there is none. The
 * Rust core refuses the same recipes; this check finds the fault before a run starts.
 */
export function problemOfRecipe(recipe: ViewRecipe): string | undefined {
  for (const [name, field] of Object.entries(VIEW_FIELDS)) {
    const value = recipe[name as keyof ViewRecipe];
    const expected = typeof value === "number"
      ? expectedNumber(value, field, recipe.cropSize)
      : expectedPair(value, field);
    if (expected === undefined) continue;
    const shown = typeof value === "number" ? value : `[${value.join(", ")}]`;
    return `${name}=${shown}: expected ${expected}`;
  }
  return undefined;
}

/** Returns what was expected in place of a number; undefined for one that fits. */
function expectedNumber(value: number, field: ViewField, cropSize: number): string | undefined {
  const { form, least, most = Infinity } = field;
  const isWithin = value >= least && value <= most;
  if (form === "odd") {
    // The blur reflects the image at its border, which needs cropSize - 1 ≥ (blurKernel - 1) / 2.
    const fits = isWithin && Number.isInteger(value) && value % 2 === 1 && value < 2 * cropSize;
    return fits ? undefined : `an odd whole number below 2 · cropSize=${2 * cropSize}`;
  }
  if (isWithin && (form === "number" || Number.isInteger(value))) return undefined;
  return `a ${form === "whole" ? "whole number" : "number"} from ${least} to ${most}`;
}

/** Returns what was expected in place of a range; undefined for one that fits. */
function expectedPair([min, max]: readonly [number, number], field: ViewField): string | undefined {
  const { least, isOpen, most } = field;
  const isAbove = isOpen ? min > least : min >= least;
  if (isAbove && min <= max && max <= (most ?? Number.MAX_VALUE)) return undefined;
  return `${least} ${isOpen ? "<" : "≤"} min ≤ max${most === undefined ? "" : ` ≤ ${most}`}`;
}
