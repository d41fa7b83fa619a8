/**
 * Fingerprint of a run: the machine and libraries that decide the order of sums, and with it the last bits of results.
 * A resumed run equals an unbroken one to the last bit only where all invocations have the same fingerprint.
 *
 * @module
 */

import { cpus } from "node:os";

/** Everything beside the options that decides the last bits of a result. */
export interface Fingerprint {
  /** The CPU's model. */
  processor: string;
  /** CPU threads of one tensor operation. */
  threads: number;
  /** libtorch's version. */
  libtorch: string;
  /** The GPU's name; undefined for a run on a CPU. */
  gpu?: string;
  /** World size; 1 by default. */
  ranks?: number;
  /** Micro-batches of a step; 1 by default. Checkpoints store this key, which therefore keeps its name. */
  parts?: number;
  /** Environment variables that choose other instructions or other roundings, by name; none where none is set. */
  variables?: Record<string, string>;
}

/** Variables of oneDNN (under both names), MKL, ATen and CUDA's libraries under which the same sums have other bits. */
const BIT_VARIABLES = [
  "ATEN_CPU_CAPABILITY",
  "DNNL_CPU_ISA_HINTS",
  "DNNL_DEFAULT_FPMATH_MODE",
  "DNNL_MAX_CPU_ISA",
  "MKL_CBWR",
  "MKL_DEBUG_CPU_TYPE",
  "MKL_ENABLE_INSTRUCTIONS",
  "NVIDIA_TF32_OVERRIDE",
  "ONEDNN_CPU_ISA_HINTS",
  "ONEDNN_DEFAULT_FPMATH_MODE",
  "ONEDNN_MAX_CPU_ISA",
];

/** Returns the fingerprint of this process; one rank and one micro-batch by default. */
export function fingerprintHere(
  threads: number,
  libtorch: string,
  { ranks, microBatches, ...gpu }: { ranks: number; microBatches: number; gpu?: string } = {
    ranks: 1,
    microBatches: 1,
  },
): Fingerprint {
  const processor = cpus()[0]?.model ?? "unknown";
  const variables = bitVariables();
  return {
    ...{ processor, threads, libtorch, ranks, parts: microBatches },
    ...gpu,
    ...Object.keys(variables).length > 0 && { variables },
  };
}

/** Returns the environment variables, by name, that are set here and change bits. */
export function bitVariables(): Record<string, string> {
  const set = BIT_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value ? [[name, value]] : [];
  });
  return Object.fromEntries(set);
}

/** Returns the fingerprints in a checkpoint's metadata: one, or several where the run was resumed on other machines. */
export function fingerprintsOf(metadata: Record<string, unknown> | undefined): Fingerprint[] {
  return Array.isArray(metadata?.computers) ? metadata.computers : [];
}

/**
 * Returns the fingerprints of a run that resumes on this machine, with a note for the user where there are several.
 *
 * @param before fingerprints of the checkpoint
 * @param now fingerprint of this process
 */
export function resumedFingerprints(
  before: readonly Fingerprint[],
  now: Fingerprint,
): { computers: Fingerprint[]; note?: string } {
  const isKnown = before.some((one) => fingerprintText(one) === fingerprintText(now));
  const computers = isKnown ? [...before] : [...before, now];
  if (computers.length === 1) return { computers };
  const others = computers.filter((one) => fingerprintText(one) !== fingerprintText(now)).map(
    fingerprintText,
  ).join(" and ");
  return {
    computers,
    note:
      `This run was computed with ${others} and resumes with ${
        fingerprintText(now)
      }: the run is not exact, ` +
      "its numbers will differ from those of an unbroken run in the last bits",
  };
}

/** Returns a fingerprint in words. */
export function fingerprintText(
  { processor, threads, libtorch, gpu, ranks = 1, parts: microBatches = 1, variables = {} }:
    Fingerprint,
): string {
  const several = (ranks > 1 ? ` --ranks=${ranks}` : "") +
    (microBatches > 1 ? ` --accumulate_steps=${microBatches}` : "");
  const set = Object.keys(variables).sort().map((name) => `, ${name}=${variables[name]}`).join("");
  return `--threads=${threads}${several} on ${gpu ?? processor}, libtorch ${libtorch}${set}`;
}
