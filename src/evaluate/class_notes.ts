/** Notes on accuracies that tell nothing of the encoder. */

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
