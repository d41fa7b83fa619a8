/**
 * The record of image files that could not be used.
 *
 * @module
 */

import { replaceFile } from "../base/atomic_file.ts";
import type { Dataset } from "../native/dataset.ts";
import { isSystemError } from "../base/expected.ts";

/** Keeps a file in the run folder that lists them; there is none while all files are fine. */
export class BadFileRecord implements Disposable {
  readonly #path: string;
  readonly #sets: [name: string, dataset: Dataset][];
  readonly #warn: (line: string) => void;
  #written = 0;
  #failed = false;

  /**
   * @param path the file
   * @param sets the data sets, by the names they have in the file
   * @param warn is told of a change
   */
  constructor(
    path: string,
    sets: Record<string, Dataset | undefined>,
    warn: (line: string) => void,
  ) {
    this.#path = path;
    this.#sets = Object.entries(sets).filter((one): one is [string, Dataset] =>
      one[1] !== undefined
    );
    this.#warn = warn;
  }

  /** Writes the file when more were found since. One that cannot be written is said, once, and tried again. */
  update(): void {
    const bad = this.#sets.reduce((sum, [, set]) => sum + set.photoCounts().bad, 0);
    if (bad === this.#written) return;
    const listed = Object.fromEntries(
      this.#sets.map(([name, set]) => [
        name,
        set.badFiles().map(([index, reason]) => ({ index, reason })),
      ]),
    );
    try {
      replaceFile(this.#path, `${JSON.stringify(listed, null, 2)}\n`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#failed) this.#warn(`Cannot write ${this.#path}: ${error.message}`);
      this.#failed = true;
      return;
    }
    this.#failed = false;
    this.#warn(`${bad} image files could not be used and were skipped: ${this.#path} lists them`);
    this.#written = bad;
  }

  /** Writes what is still to be written. */
  [Symbol.dispose](): void {
    this.update();
  }
}
