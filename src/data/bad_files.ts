/**
 * The list of unusable image files, bad_files.json in the run folder.
 *
 * @module
 */

import { replaceFile } from "../base/atomic_file.ts";
import type { Dataset } from "../native/dataset.ts";
import { isSystemError } from "../base/expected.ts";

/** Writer of the list of unusable image files. There is no file as long as all images are usable. */
export class BadFileRecord implements Disposable {
  readonly #path: string;
  readonly #sets: [name: string, dataset: Dataset][];
  readonly #warn: (line: string) => void;
  #written = 0;
  #failed = false;

  /**
   * @param path path of the list
   * @param sets data sets by their keys in the list; an undefined one is skipped
   * @param warn shows a warning when the list changes
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

  /** Writes the list if it has grown. A failure to write is warned of once, and the next update tries again. */
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

  /** Writes the list a last time. */
  [Symbol.dispose](): void {
    this.update();
  }
}
