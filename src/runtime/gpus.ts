/**
 * Which GPUs this process may use, and which one is a rank's.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { driverGpus } from "../native/core.ts";
import type { RankInfo, Variable } from "./rank.ts";

/** Returns the number of GPUs that the driver shows this process, after CUDA_VISIBLE_DEVICES. (Deno lets only --allow-all look into /dev.) */
export function visibleGpus(): number {
  const found = driverGpus();
  return "problem" in found ? 0 : found.gpus.length;
}

/**
 * The GPU of a rank among those that it sees: its own by its place on the node, or the only one where Slurm shows each
 * task its own.
 *
 * @throws UserError (usage) where the ranks of the node are more than the GPUs
 */
export function gpuOf(rankInfo: Readonly<RankInfo>, gpus: number): number {
  const { rank, localRank, localWorldSize } = rankInfo;
  if (gpus === 1 && rankInfo.launcher === "slurm") return 0;
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
    ? "there is no driver that shows one"
    : `with CUDA_VISIBLE_DEVICES="${chosen}" no driver shows one`;
  throw new UserError(
    `Cannot use --hardware=${hardware}: no NVIDIA GPU is visible here (${why}), expected one` +
      (hardware === "mono-gpu"
        ? ", or --hardware=cpu"
        : " for each rank, or --hardware=cpu with --ranks=N"),
    ExitCode.setup,
  );
}
