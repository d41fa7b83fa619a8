/** Usual names of the halves of a data set, in lower case. */

/** Names of training images, in order of preference. */
export const TRAIN_NAMES = ["train", "training"] as const;
/** Names of test images, in order of preference. */
export const TEST_NAMES = ["val", "valid", "validation", "test", "testing"] as const;
