/**
 * The normalisation of images (`--normalisation`): the constants of a data set, or what was measured on the images.
 *
 * What was measured is written `data:MEANS:DEVIATIONS`, with `:LEAST-MOST` behind it where there are images of 16 bits,
 * such as `data:0.312000,0.312000,0.312000:0.121000,0.121000,0.121000:0-4095`. A run stores it as the option's value.
 *
 * @module
 */

import { type DatasetName, NORMALISATION, type Normalisation } from "./views.ts";

/** The value that asks for a measurement. */
export const TO_MEASURE = "data";

/** The values that the option accepts. */
export const NORMALISATION_PATTERN =
  /^(?:imagenet|cifar|data(?::(?<mean>[01]\.\d+(?:,[01]\.\d+){2}):(?<std>[01]\.\d+(?:,[01]\.\d+){2})(?::(?<range>\d+-\d+))?)?)$/;

/** Digits behind the point of measured numbers. */
const DIGITS = 6;

/** Returns a measured normalisation as a value of the option. */
export function normalisationText({ mean, std, range }: Normalisation): string {
  const numbers = [mean, std].map((three) => three.map((value) => value.toFixed(DIGITS)).join(","));
  return [TO_MEASURE, ...numbers, ...range === undefined ? [] : [range.join("-")]].join(":");
}

/** Returns true for a value that stands for what was measured. */
export function isMeasured(normalisation: string | null | undefined): boolean {
  return normalisation?.startsWith(`${TO_MEASURE}:`) === true;
}

/**
 * Returns the normalisation of the images.
 *
 * @throws Error where the images are still to be measured
 */
export function normalisationOf(
  { datasetName, normalisation = null }: {
    datasetName: DatasetName;
    normalisation?: string | null;
  },
): Normalisation {
  switch (normalisation) {
    case null:
      return NORMALISATION[datasetName];
    case "imagenet":
      return NORMALISATION.imagenet;
    case "cifar":
      return NORMALISATION.cifar10;
  }
  const { mean, std, range } = NORMALISATION_PATTERN.exec(normalisation)?.groups ?? {};
  if (mean === undefined || std === undefined) {
    throw new Error(`Cannot normalise by ${normalisation}: the images were not measured`);
  }
  const three = (text: string) => text.split(",").map(Number) as Normalisation["mean"];
  return {
    mean: three(mean),
    std: three(std),
    ...range !== undefined && { range: range.split("-").map(Number) as [number, number] },
  };
}
