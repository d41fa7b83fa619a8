/**
 * Statistics of paired differences: those of two recipes, seed by seed.
 *
 * @module
 */

import jstat from "jstat";
import { meanAndDeviation } from "../base/statistics.ts";

// The types that Deno infers from the package's code lack its distributions.
const { studentt } = jstat as unknown as {
  studentt: { inv(share: number, degrees: number): number };
};

/** Most pairs whose sign flips are enumerated: 2^16 of them. */
export const MOST_ENUMERATED = 16;
/** Difference in points that should be told apart from none. */
export const WANTED_POINTS = 0.5;
/** Most seeds that a plan of further runs counts to. */
const MOST_SEEDS = 100_000;

/** Statistics of the differences of pairs. */
export interface Paired {
  pairs: number;
  mean: number;
  /** Standard deviation of the differences, divisor n − 1. */
  deviation: number;
  /** The t interval that holds the true mean with 95 % confidence. */
  interval: [low: number, high: number];
  /** Two-sided p of the exact sign-flip test; null above MOST_ENUMERATED pairs. */
  p: number | null;
  /** The least p that so many pairs allow; null where p is. */
  leastP: number | null;
  /** Number of pairs that tell WANTED_POINTS from none; null above MOST_SEEDS. */
  pairsNeeded: number | null;
}

/** Returns the statistics of at least two differences. */
export function pairedStatistics(differences: readonly number[]): Paired {
  const pairs = differences.length;
  const { mean, deviation } = meanAndDeviation(differences);
  const half = quantileOfT(0.975, pairs - 1) * deviation / Math.sqrt(pairs);
  const isEnumerated = pairs <= MOST_ENUMERATED;
  return {
    pairs,
    mean,
    deviation,
    interval: [mean - half, mean + half],
    p: isEnumerated ? signFlipP(differences) : null,
    // All signs as they are and all reversed are at least as far from 0 as the observed sum.
    leastP: isEnumerated ? 2 ** (1 - pairs) : null,
    pairsNeeded: pairsToTell(deviation),
  };
}

/**
 * Returns the share of all choices of signs whose sum is at least as far from 0 as the observed one (Fisher's
 * randomisation test of paired differences; Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005).
 */
function signFlipP(differences: readonly number[]): number {
  const observed = Math.abs(differences.reduce((sum, one) => sum + one, 0));
  // Sums that differ in rounding alone are equal.
  const tolerance = 1e-9 * differences.reduce((sum, one) => sum + Math.abs(one), 0);
  const choices = 2 ** differences.length;
  let extreme = 0;
  for (let signs = 0; signs < choices; signs++) {
    let sum = 0;
    for (const [at, one] of differences.entries()) sum += (signs >> at) & 1 ? -one : one;
    if (Math.abs(sum) >= observed - tolerance) extreme++;
  }
  return extreme / choices;
}

/**
 * Returns the least number of pairs whose t test at 5 % finds a true difference of WANTED_POINTS with a power of 80 %:
 * n ≥ (t₀.₉₇₅ + t₀.₈₀)² s² / δ² with n − 1 degrees of freedom (Chow, Shao and Wang, Sample Size Calculations in Clinical
 * Research, 2008, one-sample design, with quantiles of t in place of the normal ones).
 */
function pairsToTell(deviation: number): number | null {
  for (let pairs = 2; pairs <= MOST_SEEDS; pairs++) {
    const quantiles = quantileOfT(0.975, pairs - 1) + quantileOfT(0.8, pairs - 1);
    const wanted = (quantiles * deviation / WANTED_POINTS) ** 2;
    if (pairs >= wanted) return pairs;
    // Quantiles fall as pairs grow, and never below the normal ones: many steps can be left out.
    pairs = Math.max(pairs, Math.floor((2.8015 * deviation / WANTED_POINTS) ** 2) - 2);
  }
  return null;
}

function quantileOfT(share: number, degrees: number): number {
  return studentt.inv(share, degrees);
}
