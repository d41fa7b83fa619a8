/** Functions of the core as a whole: threads, numerics, GPUs, live objects. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { call, callText, callU32, json } from "./call.ts";
import { openMpProblem } from "./openmp.ts";

/** Properties of the core and its libraries. */
export interface CoreInfo {
  /** Threads of a tensor operation. */
  threads: number;
  /** Version of the core. */
  version: string;
  /** True where the CPU multiplies bfloat16 in hardware (avx512_bf16 or amx_bf16). */
  bf16: boolean;
  /** True where the kernels of a GPU are compiled and in use. */
  kernels: boolean;
  /** Decoder of JPEG files: libjpeg-turbo or zune-jpeg. */
  jpeg: string;
}

/** Returns the properties of the core. */
export function coreInfo(): CoreInfo {
  return JSON.parse(callText("byol_core_info"));
}

/** Report of the NVIDIA driver: the newest CUDA version that it supports and its GPUs, or the reason without any. */
export type DriverGpus =
  | { cuda: string; gpus: { name: string; architecture: string }[] }
  | { problem: string };

/** Returns the GPUs that the driver reports, without use of libtorch. */
export function driverGpus(): DriverGpus {
  return JSON.parse(callText("byol_core_gpus"));
}

/** Sets the numerics of GPUs: TF32 in float32 products, and deterministic order of sums. */
export function setNumerics(options: { tf32: boolean; deterministic: boolean }): void {
  call("byol_core_set_numerics", json(options));
}

/** Returns the number of live objects of the core. */
export function liveHandles(): number {
  return callU32("byol_core_live_handles");
}

/**
 * Sets the threads of one tensor operation on processors, 1 to 1024.
 *
 * @param device the device that the networks compute on. For a GPU, OpenMP's variables are not checked: oneDNN computes
 * nothing then, and all other operations on processors use the threads that there are
 * @throws UserError (usage) where OpenMP's variables allow fewer threads on a CPU
 */
export function setThreads(threads: number, device = "cpu"): void {
  call("byol_core_set_threads", threads);
  const problem = device === "cpu" ? openMpProblem(threads) : undefined;
  if (problem !== undefined) {
    throw new UserError(
      `Cannot compute with --threads=${threads} under ${problem}`,
      ExitCode.usage,
    );
  }
}
