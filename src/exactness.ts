/**
 * What a run was computed by. Sums in another order are other bits: a resumed run equals an unbroken one to the last
 * bit only where all of it was computed by the same.
 *
 * @module
 */

import { cpus } from "node:os";

/** What the bits of a result depend on, beside the options. */
export interface Computer {
  /** The processor's model. */
  processor: string;
  /** Threads of one tensor operation. */
  threads: number;
  /** libtorch's version. */
  libtorch: string;
}

/** This one. */
export function thisComputer(threads: number, libtorch: string): Computer {
  return { processor: cpus()[0]?.model ?? "unknown", threads, libtorch };
}

/** Those a checkpoint says it was computed by: one, unless its run changed its computer before. */
export function computersOf(metadata: Record<string, unknown> | undefined): Computer[] {
  return Array.isArray(metadata?.computers) ? metadata.computers : [];
}

/**
 * Those that a run has been computed by once it goes on here.
 *
 * @returns the note is there when they are more than one
 */
export function goOnWith(
  before: readonly Computer[],
  now: Computer,
): { computers: Computer[]; note?: string } {
  const isKnown = before.some((one) => shown(one) === shown(now));
  const computers = isKnown ? [...before] : [...before, now];
  if (computers.length === 1) return { computers };
  const others = computers.filter((one) => shown(one) !== shown(now)).map(shown).join(" and ");
  return {
    computers,
    note: `This run was computed with ${others} and goes on with ${shown(now)}: it is not exact, ` +
      "its numbers will not be those of an unbroken run to the last bit",
  };
}

function shown({ processor, threads, libtorch }: Computer): string {
  return `--threads=${threads} on ${processor}, libtorch ${libtorch}`;
}
