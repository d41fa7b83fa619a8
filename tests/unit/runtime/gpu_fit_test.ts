import { equal, match } from "node:assert/strict";
import { gpuProblem } from "../../../src/runtime/gpu_fit.ts";

function problemOf(architecture: string, build: string): string | undefined {
  return gpuProblem(architecture, { libtorchVersion: `2.11.0+${build}`, cudaCapable: true });
}

Deno.test("a GPU without kernels is told of the build that has them", () => {
  match(problemOf("sm_70", "cu130")!, /no kernels for sm_70.*set LIBTORCH to the cu126 build/);
  match(problemOf("sm_50", "cu130")!, /set LIBTORCH to the cu126 build/);
  for (const newer of ["sm_100", "sm_120", "sm_121"]) {
    match(problemOf(newer, "cu126")!, new RegExp(`no kernels for ${newer}.*the cu130 build`));
    equal(problemOf(newer, "cu130"), undefined);
  }
});

Deno.test("a GPU that no known build has kernels for is told so, and of no build by name", () => {
  for (const build of ["cu126", "cu130"]) {
    for (const architecture of ["sm_37", "sm_130"]) {
      match(problemOf(architecture, build)!, /set LIBTORCH to a build that has them/);
    }
  }
});
