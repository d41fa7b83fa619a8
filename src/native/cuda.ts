/** Opening of libtorch's CUDA libraries and of this program's GPU library, for runs on GPUs. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isExpected } from "../base/expected.ts";
import { requireSetup } from "../setup/record.ts";
import { call, json, openCore } from "./call.ts";
import { coreInfo } from "./core.ts";

/** A GPU, as kernels are compiled for it. */
export interface KernelTarget {
  /** Number of the GPU in this process. */
  device: number;
  /** Architecture of the GPU, such as `sm_90`. */
  architecture: string;
}

const LIBTORCHS_KERNELS = "libtorch's operations and views made by the processor take their place";

let cuda: Deno.DynamicLibrary<Record<string, never>> | undefined;
let kernelsFailed = false;

/**
 * Loads libtorch_cuda, and the GPU library (native/shim/gpu) where it was built, and compiles the kernels of the GPU
 * library. Without GPU library or kernels, libtorch's own operations and views made on the CPU take their place, more
 * slowly.
 *
 * @returns a warning with the repair where the GPU library is missing, or its kernels do not compile; undefined
 * otherwise
 * @throws UserError (set-up) when libtorch_cuda cannot be loaded
 */
export function openCuda(target: KernelTarget): string | undefined {
  loadCuda();
  const { gpu } = requireSetup();
  const slower = "views are made by the processor and steps are not recorded as CUDA graphs; " +
    "run: deno task setup --cuda";
  if (!gpu) return `The library of the GPUs' side is not built: ${slower}`;
  try {
    call("byol_core_open_gpu", json(gpu));
  } catch (error) {
    if (!isExpected(error)) throw error;
    return `${error.message}: ${slower}`;
  }
  return compileKernels(target);
}

/** Compiles the kernels for a GPU. @returns a warning where that fails; undefined otherwise */
export function compileKernels(target: KernelTarget): string | undefined {
  const compiler = join(requireSetup().libtorch, "lib/libcaffe2_nvrtc.so");
  try {
    call("byol_core_compile_kernels", json({ ...target, compiler }));
    kernelsFailed = false;
  } catch (error) {
    if (!isExpected(error)) throw error;
    kernelsFailed = true;
    // libtorch's advice for those who debug kernels follows.
    const [why] = error.message.split("\n");
    return `${why}: ${LIBTORCHS_KERNELS}, more slowly`;
  }
  return undefined;
}

/**
 * Puts the kernels out of use on all ranks where they have failed on one: ranks with kernels and ranks without them
 * would wait for each other in different collectives. All ranks must call this function, before the first step.
 *
 * @param group.any returns true on all ranks where its argument is true on any
 * @returns a warning on a rank whose kernels another rank has put out of use; undefined otherwise
 */
export function agreeOnKernels(group: { any(flag: boolean): boolean }): string | undefined {
  if (!group.any(kernelsFailed) || !coreInfo().kernels) return undefined;
  call("byol_core_give_up_kernels");
  return `Another rank cannot compile the kernels: ${LIBTORCHS_KERNELS} on all ranks, more slowly`;
}

/** Loads libtorch_cuda. @throws UserError (set-up) when it cannot be loaded */
function loadCuda(): void {
  // The core brings what CUDA needs of libtorch.
  openCore();
  const library = join(requireSetup().libtorch, "lib/libtorch_cuda.so");
  try {
    cuda ??= Deno.dlopen(library, {});
  } catch (error) {
    throw new UserError(
      `Cannot use a GPU: ${library} cannot be loaded: ${(error as Error).message}; ` +
        "run: deno task setup --cuda",
      ExitCode.setup,
    );
  }
}

/**
 * Returns the path of the GPU library, by which ranks on GPUs use NCCL.
 *
 * @throws UserError (set-up) when the library was not built
 */
export function openNccl(): string {
  const { gpu } = requireSetup();
  if (!gpu) {
    throw new UserError(
      "Cannot connect ranks on GPUs: the library of the GPUs' side is not built, which needs the headers of " +
        "CUDA and NCCL (CUDA_HOME, or the wheels beside libtorch); run: deno task setup --cuda",
      ExitCode.setup,
    );
  }
  loadCuda();
  return gpu;
}
