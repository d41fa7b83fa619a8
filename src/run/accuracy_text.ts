/** Accuracies as text: with their standard errors, numbers of images, and chance. */

import type { SetName } from "./metrics.ts";
import { standardError } from "../base/statistics.ts";

/** Returns an accuracy in percent, such as `39.70 ± 1.55`; without ± where the number of images is unknown. */
export function accuracyText(accuracy: number, tested: number | undefined): string {
  const error = tested === undefined ? "" : ` ± ${standardError(accuracy, tested).toFixed(2)}`;
  return `${accuracy.toFixed(2)}${error}`;
}

/** The most classes of which each top-5 is right. */
const ALWAYS_IN_TOP5 = 5;

/**
 * Returns what accuracies were found on, such as `1,000 test images, chance 10 %`; "" where it is unknown.
 *
 * @param options.on name of the images: test images by default
 */
export function testedText(
  { tested, classes }: { tested?: number; classes?: number },
  { hasTop5 = true, on = "test" }: { hasTop5?: boolean; on?: SetName } = {},
): string {
  const isCertain = hasTop5 && classes !== undefined && classes <= ALWAYS_IN_TOP5;
  return [
    ...tested === undefined ? [] : [`${tested.toLocaleString("en")} ${on} images`],
    ...classes === undefined ? [] : [`chance ${chanceText(classes)} %`],
    ...isCertain ? ["top-5 always 100 %"] : [],
  ].join(", ");
}

/** Returns the top-1 accuracy of guessing among so many classes, in percent. */
export function chanceText(classes: number): string {
  return String(Number((100 / classes).toPrecision(3)));
}

/** Returns a number of epochs with two digits at most: a run may end within an epoch. */
export function epochText(epoch: number): string {
  return String(Number(epoch.toFixed(2)));
}

/** Returns a difference of accuracies in points, with its sign. */
export function signedText(points: number): string {
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(2)}`;
}
