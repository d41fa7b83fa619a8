/** The core as a whole: threads, numerics, GPUs, live objects. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { call, callText, callU32, json } from "./call.ts";
import { openMpProblem } from "./openmp.ts";

/** Libraries that this core uses. */
export interface CoreInfo {
  /** Threads of a tensor operation. */
  threads: number;
  /** Version of the core. */
  version: string;
  /** True where the processor multiplies bfloat16 in hardware (avx512_bf16 or amx_bf16). */
  bf16: boolean;
  /** Decoder of JPEG files: libjpeg-turbo or zune-jpeg. */
  jpeg: string;
}

/** Says what the core uses. */
export function coreInfo(): CoreInfo {
  return JSON.parse(callText("byol_core_info"));
}

/** Report of the NVIDIA driver: the newest CUDA it knows and its GPUs, or why there are none. */
export type DriverGpus =
  | { cuda: string; gpus: { name: string; architecture: string }[] }
  | { problem: string };

/** Asks the driver for its GPUs; libtorch is not asked. */
export function driverGpus(): DriverGpus {
  return JSON.parse(callText("byol_core_gpus"));
}

/** Sets how GPUs compute: TF32 in float32 products, sums always in the same order. */
export function setNumerics(options: { tf32: boolean; deterministic: boolean }): void {
  call("byol_core_set_numerics", json(options));
}

/** Returns the number of live objects of the core. */
export function liveHandles(): number {
  return callU32("byol_core_live_handles");
}

/**
 * Sets the threads of one tensor operation, 1 to 1024.
 *
 * @throws UserError (usage) where OpenMP's variables allow fewer
 */
export function setThreads(threads: number): void {
  call("byol_core_set_threads", threads);
  const problem = openMpProblem(threads);
  if (problem !== undefined) {
    throw new UserError(
      `Cannot compute with --threads=${threads} under ${problem}`,
      ExitCode.usage,
    );
  }
}
