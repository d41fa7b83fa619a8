/** The images that an evaluation tests on, and its results on each set of them. */

import type { Dataset } from "../native/dataset.ts";

/** Images to test on: test images, held-out images, or both. */
export interface TestedImages {
  /** Test images; undefined where there are none. */
  test: Dataset | undefined;
  /** Images that neither encoder nor probe learnt from (`--hold_out`). */
  heldOut?: Dataset | undefined;
}

/** Results on all sets: those on the test images, and in `held_out` those on the held-out ones. */
export type OnAllSets<Result> = Result & {
  /** Results on the held-out images; absent where there are none. */
  held_out?: Result;
  /** "held-out" where there are no test images, and the results are those of `held_out`. */
  tested_on?: "held-out";
};

/** Returns the sets of images to test on, the test images first. */
export function testedSets({ test, heldOut }: TestedImages): Dataset[] {
  const sets = [test, heldOut].filter((set) => set !== undefined);
  if (sets.length === 0) throw new Error("there are no images to test on");
  return sets;
}

/** Joins the results on testedSets(), in their order. */
export function onAllSets<Result>(
  results: readonly Result[],
  { test, heldOut }: TestedImages,
): OnAllSets<Result> {
  const [first, last] = [results[0]!, results.at(-1)!];
  return {
    ...first,
    ...test === undefined && { tested_on: "held-out" as const },
    ...heldOut !== undefined && { held_out: last },
  };
}
