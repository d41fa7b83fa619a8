/** Opening of libtorch's CUDA libraries and of this program's GPU library, for runs on GPUs. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isExpected } from "../base/expected.ts";
import { requireSetup } from "../setup/record.ts";
import { call, json, openCore } from "./call.ts";

let cuda: Deno.DynamicLibrary<Record<string, never>> | undefined;

/**
 * Loads libtorch_cuda, and the GPU library (native/shim/gpu) where it was built. Without the GPU library, libtorch's
 * own operations and views made on the CPU take its place, more slowly.
 *
 * @returns a warning with the repair where the GPU library is missing; undefined otherwise
 * @throws UserError (set-up) when libtorch_cuda cannot be loaded
 */
export function openCuda(): string | undefined {
  // The core brings what CUDA needs of libtorch.
  openCore();
  const { libtorch, gpu } = requireSetup();
  const library = join(libtorch, "lib/libtorch_cuda.so");
  try {
    cuda ??= Deno.dlopen(library, {});
  } catch (error) {
    throw new UserError(
      `Cannot use a GPU: ${library} cannot be loaded: ${(error as Error).message}; ` +
        "run: deno task setup --cuda",
      ExitCode.setup,
    );
  }
  const slower = "views are made by the processor and steps are not recorded as CUDA graphs; " +
    "run: deno task setup --cuda";
  if (!gpu) return `The library of the GPUs' side is not built: ${slower}`;
  try {
    call("byol_core_open_gpu", json(gpu));
  } catch (error) {
    if (!isExpected(error)) throw error;
    return `${error.message}: ${slower}`;
  }
  return undefined;
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
  openCuda();
  return gpu;
}
