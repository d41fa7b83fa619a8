/** The core as a whole: threads, numerics, GPUs, live objects. */

import { check, errorBuffer, json, openCore, readText, readU32 } from "./library.ts";

/** What this core uses. */
export interface CoreInfo {
  /** Threads of a tensor operation. */
  threads: number;
  /** Version of the core. */
  version: string;
  /** Whether the processor multiplies bfloat16 in hardware (avx512_bf16 or amx_bf16). */
  bf16: boolean;
  /** What decodes JPEG files: libjpeg-turbo or zune-jpeg. */
  jpeg: string;
}

/** Says what the core uses. */
export function coreInfo(): CoreInfo {
  const symbols = openCore();
  return JSON.parse(
    readText("byol_core_info", (text, error) => symbols.byol_core_info(text, error)),
  );
}

/** What the NVIDIA driver says: the newest CUDA it knows and its GPUs, or why there are none. */
export type DriverGpus =
  | { cuda: string; gpus: { name: string; architecture: string }[] }
  | { problem: string };

/** Asks the driver for its GPUs; libtorch is not asked. */
export function driverGpus(): DriverGpus {
  const symbols = openCore();
  return JSON.parse(
    readText("byol_core_gpus", (text, error) => symbols.byol_core_gpus(text, error)),
  );
}

/** Sets how GPUs compute: TF32 in float32 products, sums always in the same order. */
export function setNumerics(options: { tf32: boolean; deterministic: boolean }): void {
  const symbols = openCore();
  check(
    symbols.byol_core_set_numerics(json(options), errorBuffer()),
    "byol_core_set_numerics",
  );
}

/** How many objects of the core are alive. */
export function liveHandles(): number {
  const symbols = openCore();
  return readU32(
    "byol_core_live_handles",
    (out, error) => symbols.byol_core_live_handles(out, error),
  );
}

/** Sets the threads of one tensor operation, 1 to 1024. */
export function setThreads(threads: number): void {
  check(openCore().byol_core_set_threads(threads, errorBuffer()), "byol_core_set_threads");
}
