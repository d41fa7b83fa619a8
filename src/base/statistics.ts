/** Statistics of accuracies and of several runs. */

/** Returns mean and standard deviation (divisor n − 1; 0 for a single value). */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/** Returns the binomial standard error, in points, of an accuracy in percent that was found on `count` images. */
export function standardError(accuracy: number, count: number): number {
  return Math.sqrt(accuracy * (100 - accuracy) / count);
}
