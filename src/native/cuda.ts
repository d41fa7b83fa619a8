/** The GPUs' side of libtorch, opened beside the core where a run asks for it. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isExpected } from "../base/expected.ts";
import { requireSetup } from "../setup/record.ts";
import { call, json, openCore } from "./call.ts";

let cuda: Deno.DynamicLibrary<Record<string, never>> | undefined;

/**
 * Loads libtorch_cuda, and the library of the GPUs' side where there is one: without it, libtorch's own operations and
 * the processor's views do the same, more slowly.
 *
 * @returns what is slower, and the repair; undefined where nothing is
 * @throws UserError (set-up) when this libtorch has no CUDA that can be loaded
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
 * Makes ready what the GPUs' ranks meet by.
 *
 * @returns the path of the library that brings NCCL
 * @throws UserError (set-up) when it was not built
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
