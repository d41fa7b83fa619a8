/**
 * Constants of the search for the linear probe's learning rate, which trains probes on features that are computed once.
 *
 * @module
 */

/** The learning rates that the search tries. */
export const SWEPT_RATES: readonly number[] = [0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** The share of the training images that the search holds out to compare the rates on. */
export const HELD_OUT_SHARE = 0.1;
