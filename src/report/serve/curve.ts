/** A curve of bounded size that grows: each value is looked at once. */

/** Number of buckets at which neighbours are joined; twice what a plot shows. */
const MOST_BUCKETS = 800;

/** Curve whose points are means over equally many neighbouring values. */
export class GrowingCurve {
  readonly #x: number[] = [];
  readonly #y: number[] = [];
  /** Values in a full bucket. */
  #size = 1;
  /** Values in the last bucket. */
  #filled = 1;

  /** Adds a value; one that is not finite is left out. */
  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const last = this.#x.length - 1;
    if (last >= 0 && this.#filled < this.#size) {
      this.#filled++;
      this.#x[last]! += (x - this.#x[last]!) / this.#filled;
      this.#y[last]! += (y - this.#y[last]!) / this.#filled;
      return;
    }
    if (this.#x.length === MOST_BUCKETS) this.#join();
    this.#x.push(x);
    this.#y.push(y);
    this.#filled = 1;
  }

  /** Returns the points, in order. */
  points(): [x: number, y: number][] {
    return this.#x.map((x, index) => [x, this.#y[index]!]);
  }

  #join(): void {
    for (const values of [this.#x, this.#y]) {
      for (let at = 0; at < MOST_BUCKETS / 2; at++) {
        values[at] = (values[2 * at]! + values[2 * at + 1]!) / 2;
      }
      values.length = MOST_BUCKETS / 2;
    }
    this.#size *= 2;
  }
}
