/**
 * The GPUs that this process sees, and the assignment of one to each rank.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { driverGpus } from "../native/core.ts";
import type { RankInfo, Variable } from "./rank.ts";

/** Returns the number of GPUs that this process sees: those that the driver and CUDA_VISIBLE_DEVICES leave visible. */
export function visibleGpus(): number {
  const found = driverGpus();
  return "problem" in found ? 0 : found.gpus.length;
}

/**
 * Returns the index of a rank's GPU among the visible GPUs: the local rank, or 0 where Slurm shows each task one GPU.
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

/** Refuses a machine without a GPU. @throws UserError (set-up) where `gpus` is 0 */
export function requireGpus(
  gpus: number,
  hardware: "mono-gpu" | "multi-gpu",
  variable: Variable,
): void {
  if (gpus > 0) return;
  const chosen = variable("CUDA_VISIBLE_DEVICES");
  const why = chosen === undefined
    ? "no driver shows one"
    : `no driver shows one with CUDA_VISIBLE_DEVICES="${chosen}"`;
  throw new UserError(
    `Cannot use --hardware=${hardware}: no NVIDIA GPU is visible here (${why}), expected one` +
      (hardware === "mono-gpu"
        ? ", or --hardware=cpu"
        : " for each rank, or --hardware=cpu with --ranks=N"),
    ExitCode.setup,
  );
}
