/**
 * Fingerprint of the machine of a run. Sums in another order are other bits: a resumed run equals an unbroken one to the last
 * bit only where all of it was computed by the same.
 *
 * @module
 */

import { cpus } from "node:os";

/** Machine and libraries that decide the last bits of a result, beside the options. */
export interface Fingerprint {
  /** The processor's model. */
  processor: string;
  /** Threads of one tensor operation. */
  threads: number;
  /** libtorch's version. */
  libtorch: string;
  /** The GPU's name; none where the processor computed. */
  gpu?: string;
  /** Processes that trained together; 1 where it is not said. */
  ranks?: number;
  /** Micro-batches of a step; 1 by default. The key is a stored one. */
  parts?: number;
}

/** This one. */
export function fingerprintHere(
  threads: number,
  libtorch: string,
  { ranks, microBatches, ...gpu }: { ranks: number; microBatches: number; gpu?: string } = {
    ranks: 1,
    microBatches: 1,
  },
): Fingerprint {
  const processor = cpus()[0]?.model ?? "unknown";
  return { processor, threads, libtorch, ranks, parts: microBatches, ...gpu };
}

/** Those a checkpoint says it was computed by: one, unless its run changed its computer before. */
export function fingerprintsOf(metadata: Record<string, unknown> | undefined): Fingerprint[] {
  return Array.isArray(metadata?.computers) ? metadata.computers : [];
}

/**
 * Returns the fingerprints of a run that resumes here.
 *
 * @returns the note is there when they are more than one
 */
export function resumedFingerprints(
  before: readonly Fingerprint[],
  now: Fingerprint,
): { computers: Fingerprint[]; note?: string } {
  const isKnown = before.some((one) => shown(one) === shown(now));
  const computers = isKnown ? [...before] : [...before, now];
  if (computers.length === 1) return { computers };
  const others = computers.filter((one) => shown(one) !== shown(now)).map(shown).join(" and ");
  return {
    computers,
    note: `This run was computed with ${others} and resumes with ${shown(now)}: it is not exact, ` +
      "its numbers will not be those of an unbroken run to the last bit",
  };
}

function shown(
  { processor, threads, libtorch, gpu, ranks = 1, parts: microBatches = 1 }: Fingerprint,
): string {
  const several = (ranks > 1 ? ` --ranks=${ranks}` : "") +
    (microBatches > 1 ? ` --accumulate_steps=${microBatches}` : "");
  return `--threads=${threads}${several} on ${gpu ?? processor}, libtorch ${libtorch}`;
}
