/**
 * The list of unusable image files: bad_files.json in the run folder, or beside what an evaluation reads or writes.
 *
 * @module
 */

import { counted } from "../base/counted.ts";
import { basename, dirname, extname, join } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import type { Dataset } from "../native/dataset.ts";
import { isSystemError } from "../base/expected.ts";

/** Index and reason of each unusable file, by the data sets' keys in the list. */
export type BadFiles = Record<string, [index: number, reason: string][]>;

/** Number of files that a warning names. */
const SHOWN = 3;

/** Returns the unusable files of data sets, by their keys; an undefined data set is left out. */
export function badFilesOf(sets: Readonly<Record<string, Dataset | undefined>>): BadFiles {
  return Object.fromEntries(
    Object.entries(sets).flatMap(([name, set]) =>
      set === undefined ? [] : [[name, set.badFiles()]]
    ),
  );
}

/** Returns the unusable files that any rank has met, in the order of the data sets. */
export function mergedBadFiles(ofRanks: readonly BadFiles[]): BadFiles {
  const names = Object.keys(ofRanks[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const all = new Map(ofRanks.flatMap((lists) => lists[name] ?? []));
      return [name, [...all].sort(([one], [other]) => one - other)];
    }),
  );
}

/** Returns a warning with the number and the first names of unusable files; undefined where there are none. */
export function badFilesText(lists: BadFiles): string | undefined {
  const reasons = Object.values(lists).flat().map(([, reason]) => reason);
  if (reasons.length === 0) return undefined;
  const more = reasons.length - SHOWN;
  return `${counted(reasons.length, "image file")} could not be used and ${
    reasons.length === 1 ? "was" : "were"
  } skipped: ${reasons.slice(0, SHOWN).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** Returns the path of the list of an evaluation, beside the file that it reads or writes: name.bad_files.json. */
export function besideFile(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.bad_files.json`);
}

/** Writer of the list of unusable image files. There is no file as long as all images are usable. */
export class BadFileRecord implements Disposable {
  readonly #path: string;
  readonly #sets: Readonly<Record<string, Dataset | undefined>>;
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
    sets: Readonly<Record<string, Dataset | undefined>>,
    warn: (line: string) => void,
  ) {
    this.#path = path;
    this.#sets = sets;
    this.#warn = warn;
  }

  /**
   * Writes the list if it has grown. A failure to write is warned of once, and the next update tries again.
   *
   * @param lists the unusable files; by default those that this process has met
   */
  update(lists: BadFiles = this.#lists()): void {
    const bad = Object.values(lists).reduce((sum, files) => sum + files.length, 0);
    if (bad <= this.#written) return;
    const listed = Object.fromEntries(
      Object.entries(lists).map(([name, files]) => [
        name,
        files.map(([index, reason]) => ({ index, reason })),
      ]),
    );
    const text = badFilesText(lists) ?? "";
    try {
      replaceFile(this.#path, `${JSON.stringify(listed, null, 2)}\n`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#failed) this.#warn(`${text}\nCannot write ${this.#path}: ${error.message}`);
      this.#failed = true;
      return;
    }
    this.#failed = false;
    this.#warn(`${text} (${this.#path} lists them)`);
    this.#written = bad;
  }

  /** Returns the files that this process has met; none are read where there are none, as after each logged step. */
  #lists(): BadFiles {
    const sets = Object.values(this.#sets);
    const bad = sets.reduce((sum, set) => sum + (set?.photoCounts().bad ?? 0), 0);
    return bad === 0 ? {} : badFilesOf(this.#sets);
  }

  /** Writes the list a last time. */
  [Symbol.dispose](): void {
    this.update();
  }
}
