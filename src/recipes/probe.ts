/**
 * The search for the linear probe's learning rate on features that are computed once.
 *
 * @module
 */

/** The rates that a sweep tries. */
export const SWEPT_RATES: readonly number[] = [0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** The share of the training images that a sweep holds out. */
export const HELD_OUT_SHARE = 0.1;
