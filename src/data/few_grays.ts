/** 16-bit gray images that use a sixteenth of their range, such as data of 12 bits. */

import type { Dataset } from "../native/dataset.ts";

/** Returns a warning where decoded images have too few grays; undefined where none has. */
export function fewGraysWarning(sets: readonly (Dataset | undefined)[]): string | undefined {
  const counts = sets.flatMap((set) => set === undefined ? [] : [set.photoCounts()]);
  const few = counts.reduce((sum, { fewGrays }) => sum + fewGrays, 0);
  const decoded = counts.reduce((sum, count) => sum + count.decoded - count.bad, 0);
  if (few === 0) return undefined;
  return `${few} of ${decoded} images decoded by now are of 16-bit gray without a value above 4095 (data of 12 bits?): ` +
    "at most 16 grays are left of each, because the high byte is taken; --normalisation=data keeps all";
}

/** Watch for such images: warns once. */
export class FewGraysWatch {
  readonly #sets: readonly (Dataset | undefined)[];
  readonly #warn: (line: string) => void;
  #warned = false;

  /** @param warn shows the warning */
  constructor(sets: readonly (Dataset | undefined)[], warn: (line: string) => void) {
    this.#sets = sets;
    this.#warn = warn;
  }

  /** Looks at the images decoded by now. */
  update(): void {
    const warning = this.#warned ? undefined : fewGraysWarning(this.#sets);
    if (warning === undefined) return;
    this.#warned = true;
    this.#warn(warning);
  }
}
