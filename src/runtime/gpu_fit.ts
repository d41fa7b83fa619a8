/**
 * Check that a build of libtorch fits a GPU and its driver, by a table of the published builds.
 *
 * @module
 */

import type { SetupRecord } from "../setup/record.ts";

/** A published build of PyTorch 2.11 for one version of CUDA. */
interface CudaBuild {
  /** Architectures that the build has kernels for. Kernels for sm_80 also run on a later sm_8x. */
  architectures: readonly string[];
  /** Major version of the oldest driver that the build works with. */
  driver: number;
}

const BUILDS: Readonly<Record<string, CudaBuild>> = {
  cu126: {
    architectures: ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"],
    driver: 525,
  },
  cu130: {
    architectures: ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"],
    driver: 580,
  },
};

/** Returns the build that a version names, as in `2.11.0+cu130`; a version without a name is PyPI's, cu130. */
function buildOf(version: string): { name: string; build: CudaBuild | undefined } {
  const local = version.split("+")[1];
  const name = local ?? "cu130";
  return { name, build: BUILDS[name] };
}

/** Returns the reason why this libtorch cannot use a GPU of an architecture; undefined where it can, or is unknown. */
export function gpuProblem(
  architecture: string | null,
  { libtorchVersion, cudaCapable }: Pick<SetupRecord, "libtorchVersion" | "cudaCapable">,
): string | undefined {
  if (!cudaCapable) {
    return `libtorch ${libtorchVersion} here is for CPUs only: run deno task setup --cuda on a login node`;
  }
  const { name, build } = buildOf(libtorchVersion);
  if (architecture === null || build === undefined || runsOn(build, architecture)) return undefined;
  const fitting = Object.keys(BUILDS).find((other) => runsOn(BUILDS[other]!, architecture));
  const wanted = fitting === undefined ? "a build that has them" : `the ${fitting} build`;
  return `libtorch ${libtorchVersion} (${name}) has no kernels for ${architecture}, only for ` +
    `${build.architectures.join(", ")}: set LIBTORCH to ${wanted} and run deno task setup`;
}

function runsOn({ architectures }: CudaBuild, architecture: string): boolean {
  const [major, minor] = partsOf(architecture);
  return architectures.some((one) => {
    const [itsMajor, itsMinor] = partsOf(one);
    return itsMajor === major && itsMinor <= minor;
  });
}

/** Returns the major and minor version of an architecture: 8 and 6 for sm_86, 12 and 0 for sm_120. */
function partsOf(architecture: string): [major: number, minor: number] {
  const digits = architecture.replace("sm_", "");
  return [Number(digits.slice(0, -1)), Number(digits.slice(-1))];
}

/** Returns the reason why a driver is too old for this libtorch; undefined where it is not, or the build is unknown. */
export function driverProblem(driver: string, libtorchVersion: string): string | undefined {
  const { name, build } = buildOf(libtorchVersion);
  const major = Number(driver.split(".")[0]);
  if (build === undefined || major >= build.driver) return undefined;
  return `driver ${driver} is too old for ${name}: expected ${build.driver} or newer`;
}

/**
 * Returns the reason why a driver is too old for this libtorch, judged by the newest CUDA version that the driver
 * supports; undefined where it is not, or the build is unknown.
 */
export function cudaProblem(cuda: string, libtorchVersion: string): string | undefined {
  const { name } = buildOf(libtorchVersion);
  const digits = /^cu(\d+)\d$/.exec(name)?.[1];
  // A driver runs builds for every CUDA version of its own major version.
  if (digits === undefined || Number(cuda.split(".")[0]) >= Number(digits)) return undefined;
  return `the driver supports CUDA up to ${cuda}, and libtorch ${libtorchVersion} is for CUDA ${digits}: ` +
    "set LIBTORCH to an older build (cu126 for drivers from 525 on) and run deno task setup";
}
