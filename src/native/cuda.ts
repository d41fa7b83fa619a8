/** The GPUs' side of libtorch, opened beside the core where a run asks for it. */

import { join } from "node:path";
import { ExitCode, UserError } from "../exit_codes.ts";
import { requireSetup } from "../setup/record.ts";
import { openCore } from "./library.ts";

let cuda: Deno.DynamicLibrary<Record<string, never>> | undefined;

/** Loads libtorch_cuda. @throws UserError (set-up) when this libtorch has none that can be loaded */
export function openCuda(): void {
  // What it needs of libtorch is then loaded already.
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
 * Makes ready what the GPUs' ranks meet by.
 *
 * @returns the path of the library that brings NCCL
 * @throws UserError (set-up) when it was not built
 */
export function openNccl(): string {
  const { nccl } = requireSetup();
  if (!nccl) {
    throw new UserError(
      "Cannot connect ranks on GPUs: the library of the GPUs' ranks is not built, which needs the headers of " +
        "CUDA and NCCL (CUDA_HOME, or the wheels beside libtorch); run: deno task setup --cuda",
      ExitCode.setup,
    );
  }
  openCuda();
  return nccl;
}
