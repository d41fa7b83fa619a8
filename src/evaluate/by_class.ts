/** Accuracies by class, from the numbers of images by true class and by answer. */

import type { Ranks } from "../distributed/ranks.ts";

/** Accuracy on the images of one class. */
export interface ClassAccuracy {
  class: string;
  /** Number of tested images of the class. */
  tested: number;
  /** Top-1 accuracy in percent; null where no image of the class was tested. */
  top1: number | null;
}

/** Results by class on one set of images. */
export interface ByClass {
  /** Mean of the classes' accuracies in percent, over the classes with tested images. */
  balanced_top1: number;
  per_class: ClassAccuracy[];
  /** Numbers of images: a row for each true class, a column for each answer. */
  confusion: number[][];
}

/** A classifier's answers by class on one set of images after another, whose counts only grow. */
export class AnswerCounter {
  readonly #read: () => number[];
  readonly #ranks: Pick<Ranks, "sum">;
  #before: readonly number[] = [];

  /** @param read returns the counts of this rank so far, row by row */
  constructor(read: () => number[], ranks: Pick<Ranks, "sum">) {
    this.#read = read;
    this.#ranks = ranks;
  }

  /** Returns the answers on the set that was tested last; none of too many classes. All ranks must call it. */
  endSet(): { confusion?: number[][] } {
    const counts = this.#ranks.sum(this.#read());
    const confusion = confusionOf(counts, this.#before);
    this.#before = counts;
    return confusion === undefined ? {} : { confusion };
  }
}

/** Returns the matrix of counts that stand row by row; undefined for none, as of too many classes. */
export function confusionOf(
  counts: readonly number[],
  before: readonly number[] = [],
): number[][] | undefined {
  const classes = Math.sqrt(counts.length);
  if (classes === 0) return undefined;
  return Array.from(
    { length: classes },
    (_, row) =>
      Array.from({ length: classes }, (_, column) => {
        const at = row * classes + column;
        return counts[at]! - (before[at] ?? 0);
      }),
  );
}

/** Returns the accuracies of each class, and their mean. @param classNames names in the order of the rows */
export function byClass(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): ByClass {
  const perClass = classNames.map((name, label): ClassAccuracy => {
    const row = confusion[label] ?? [];
    const tested = row.reduce((sum, count) => sum + count, 0);
    return {
      class: name,
      tested,
      top1: tested === 0 ? null : 100 * (row[label] ?? 0) / tested,
    };
  });
  const known = perClass.flatMap(({ top1 }) => top1 ?? []);
  return {
    balanced_top1: known.reduce((sum, top1) => sum + top1, 0) / known.length,
    per_class: perClass,
    confusion: confusion.map((row) => [...row]),
  };
}
