/** Statistics that benches print of several rounds. */

/** The middle value; between the two middle ones where they are even in number. */
export function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** Of values in ascending order, the one at a share of the way, 0 to 1: linear between the neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}
