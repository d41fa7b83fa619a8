/**
 * Constants of the linear probe on features that are computed once: the search for its learning rate, and logistic
 * regression with the search for its penalty.
 *
 * @module
 */

/** The learning rates that the search tries. */
export const SWEPT_RATES: readonly number[] = [0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** The share of the training images that the search holds out to compare the rates on. */
export const HELD_OUT_SHARE = 0.1;

/** Clipped logits and their penalty in BYOL's stronger linear evaluation (appendix C.1). */
export const LOGIT_CLIP: Readonly<{ bound: number; penalty: number }> = {
  bound: 20,
  penalty: 0.01,
};

/**
 * Strengths of the penalty that logistic regression tries, as in BYOL's appendix D.2: 45, logarithmically spaced from
 * 1e5 down to 1e-6.
 */
export const STRENGTHS: readonly number[] = Array.from(
  { length: 45 },
  (_, at) => 10 ** (5 - at / 4),
);
/** Iterations of L-BFGS between two looks for a signal. */
export const ITERATIONS_PER_STEP = 20;
/** Iterations of L-BFGS with one strength at most. */
export const MOST_ITERATIONS = 500;
/** Largest element of the mean loss's gradient that ends the iterations. */
export const GRADIENT_TOLERANCE = 1e-6;
/** Change of the mean loss, or of every weight, that ends the iterations. */
export const CHANGE_TOLERANCE = 1e-9;
