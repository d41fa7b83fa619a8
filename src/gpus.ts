/**
 * Which GPUs this process may use, and which one is a rank's: told without asking any driver, so that it costs
 * nothing where there is none.
 *
 * @module
 */

import { ExitCode, UserError } from "./exit_codes.ts";
import type { Place, Variable } from "./ranks.ts";

/**
 * How many NVIDIA GPUs a process sees.
 *
 * @param devices the names in /dev
 */
export function visibleGpus(variable: Variable, devices: readonly string[]): number {
  const there = devices.filter((name) => /^nvidia\d+$/.test(name)).length;
  const chosen = variable("CUDA_VISIBLE_DEVICES");
  if (chosen === undefined) return there;
  // CUDA takes the list up to the first entry that is none: a negative number, or one too large.
  const entries = chosen.split(",").map((entry) => entry.trim());
  const end = entries.findIndex((entry) =>
    /^\d+$/.test(entry) ? Number(entry) >= there : !/^(GPU|MIG)-/.test(entry)
  );
  return Math.min(there, end < 0 ? entries.length : end);
}

/** How many this process sees. */
export function thisVisibleGpus(): number {
  let devices: string[];
  try {
    devices = [...Deno.readDirSync("/dev")].map(({ name }) => name);
  } catch {
    devices = [];
  }
  return visibleGpus((name) => Deno.env.get(name), devices);
}

/**
 * The GPU of a rank among those that it sees: its own by its place on the node, or the only one where Slurm shows each
 * task its own.
 *
 * @throws UserError (usage) where the ranks of the node are more than the GPUs
 */
export function gpuOf(place: Readonly<Place>, gpus: number): number {
  const { rank, localRank, localWorldSize } = place;
  if (gpus === 1 && place.launcher === "slurm") return 0;
  if (localWorldSize <= gpus) return localRank;
  throw new UserError(
    `Cannot give rank ${rank} a GPU of its own: its node has ${localWorldSize} ranks and ${gpus} GPUs, ` +
      "expected a GPU for each",
    ExitCode.usage,
  );
}

/** @throws UserError (set-up) where a process sees no GPU */
export function requireGpus(
  gpus: number,
  hardware: "mono-gpu" | "multi-gpu",
  variable: Variable,
): void {
  if (gpus > 0) return;
  const chosen = variable("CUDA_VISIBLE_DEVICES");
  const why = chosen === undefined
    ? "there is no /dev/nvidia0"
    : `CUDA_VISIBLE_DEVICES="${chosen}" shows none of those in /dev`;
  throw new UserError(
    `Cannot use --hardware=${hardware}: no NVIDIA GPU is visible here (${why}), expected one` +
      (hardware === "mono-gpu"
        ? ", or --hardware=cpu"
        : " for each rank, or --hardware=cpu with --ranks=N"),
    ExitCode.setup,
  );
}
