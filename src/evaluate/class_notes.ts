/** Notes on accuracies that tell nothing, or little, of the encoder. */

import { KNN, type Neighbours } from "../recipes/neighbours.ts";

/** The most classes of which each top-5 is right. */
const ALWAYS_IN_TOP5 = 5;

/**
 * Returns what is to be known of accuracies among so many classes, one line each; nothing where there are enough.
 *
 * @param options.hasTop5 the evaluation gives a top-5 accuracy
 */
export function classNotes(classes: number, { hasTop5 }: { hasTop5: boolean }): string[] {
  if (classes === 1) {
    return [
      "The images are of 1 class: every accuracy is 100 % whatever the encoder, expected images of several classes",
    ];
  }
  if (!hasTop5 || classes > ALWAYS_IN_TOP5) return [];
  return [`The images are of ${classes} classes: top-5 is 100 % whatever the encoder, top-1 tells`];
}

/**
 * Returns a note where a k-NN classifier asks for more neighbours than the smallest class has images.
 *
 * @param smallest number of training images of the smallest class; undefined where it was not counted
 * @param advice the start of what to give or run; the number follows
 */
export function fewNeighbours(
  smallest: number | undefined,
  advice: string,
  settings: readonly Neighbours[] = [KNN],
): string | undefined {
  const largest = Math.max(...settings.map(({ k }) => k));
  if (smallest === undefined || largest <= smallest) return undefined;
  return `k-NN looks at ${largest} neighbours, and the smallest class has ${
    smallest.toLocaleString("en")
  } training images: ${advice}${smallest}`;
}
