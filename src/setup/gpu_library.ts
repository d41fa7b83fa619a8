/**
 * The GPUs' side of the core (native/shim/gpu): a library of its own, as it links libtorch_cuda, which a machine without
 * a GPU need not have. Built where CUDA's and NCCL's headers are found, or may be fetched.
 */

import { dirname, join } from "node:path";
import { exists } from "../base/files.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { mustRun, type Session } from "./child.ts";
import type { Python } from "./machine.ts";
import { installWheels } from "./pip.ts";
import { gpuLibraryFile, stateFolder } from "./record.ts";
import { lockedLines } from "./wheel_lock.ts";

/** The headers that compiling the library takes, each with the wheel that brings it for libtorch 2.11 on CUDA 13. */
export const HEADERS: Readonly<Record<string, string>> = {
  "nvrtc.h": "nvidia-cuda-nvrtc==13.0.88",
  "cuda_runtime.h": "nvidia-cuda-runtime==13.0.96",
  "crt/host_defines.h": "nvidia-cuda-crt==13.0.88",
  "nv/target": "nvidia-cuda-cccl==13.0.85",
  "cublas_v2.h": "nvidia-cublas==13.1.0.3",
  "cusparse.h": "nvidia-cusparse==12.6.3.3",
  "cusolverDn.h": "nvidia-cusolver==12.0.4.66",
  "nccl.h": "nvidia-nccl-cu13==2.28.9",
};

/** Returns the include folders below a folder with Python's nvidia packages. */
export function wheelIncludes(place: string): string[] {
  const paths = ["nvidia/cu13/include", "nvidia/nccl/include"];
  return paths.map((path) => join(place, path)).filter(exists);
}

/** Lists the headers that none of the include folders holds. */
export function missingHeaders(includes: readonly string[]): string[] {
  const has = (header: string): boolean => includes.some((folder) => exists(join(folder, header)));
  return Object.keys(HEADERS).filter((header) => !has(header));
}

/** Returns the folder that header wheels are installed to. */
export function headersFolder(root: string): string {
  return join(stateFolder(root), "cuda-headers");
}

/** Returns the include folders of this machine's CUDA; undefined where a header is missing. */
export function findCudaIncludes(
  { root, libtorch, cudaHome }: { root: string; libtorch: string; cudaHome: string },
): string[] | undefined {
  const toolkit = [cudaHome, "/usr/local/cuda"].filter((folder) => folder !== "")
    .map((folder) => join(folder, "include"));
  const wheels = [dirname(libtorch), headersFolder(root)].flatMap(wheelIncludes);
  const candidates = [wheels, [...toolkit, "/usr/include"].filter(exists)];
  return candidates.find((includes) => missingHeaders(includes).length === 0);
}

/** Installs the wheels of the headers that `includes` lack. @throws {UserError} (exit code 6) when pip fails */
export async function fetchHeaders(
  root: string,
  includes: readonly string[],
  { python, session }: { python: Python; session: Session },
): Promise<void> {
  session.log("fetching CUDA's headers, for the library of the GPUs' side");
  await installWheels(headersFolder(root), {
    lines: lockedLines(missingHeaders(includes).map((header) => HEADERS[header]!)),
    python,
  }, session);
}

/**
 * Builds the library for a core unless the library is there. Returns null, after a line in the log, where the library
 * cannot be built: a machine without GPUs works without the library.
 */
export async function provideGpuLibrary(
  { root, libtorch, hash, python, fetch }: {
    root: string;
    libtorch: string;
    hash: string;
    python: Python | undefined;
    /** True where headers that are missing may be fetched. */
    fetch: boolean;
  },
  session: Session,
): Promise<string | null> {
  const output = gpuLibraryFile(root, hash);
  if (exists(output)) return output;
  if (!exists(join(libtorch, "lib/libtorch_cuda.so"))) return null;
  const where = { root, libtorch, cudaHome: Deno.env.get("CUDA_HOME") ?? "" };
  const beside = `${output}.${Deno.pid}`;
  try {
    if (findCudaIncludes(where) === undefined && fetch && python !== undefined) {
      await fetchHeaders(root, wheelIncludes(dirname(libtorch)), { python, session });
    }
    const includes = findCudaIncludes(where);
    if (includes === undefined) return null;
    session.log("building the library of the GPUs' side: about 40 s on an idle core");
    await buildGpuLibrary({ root, libtorch, includes, output: beside }, session);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.setup) throw error;
    session.log(`without --hardware=multi-gpu, and slower on one GPU: ${error.message}`);
    return null;
  }
  await Deno.rename(beside, output);
  return output;
}

const SOURCES = ["graph.cpp", "kernels.cpp", "nccl.cpp", "views.cpp"];

/** Compiles and links the library. @throws {UserError} (exit code 6) when that fails */
export async function buildGpuLibrary(
  { root, libtorch, includes, output }: {
    root: string;
    libtorch: string;
    includes: readonly string[];
    output: string;
  },
  session: Session,
): Promise<void> {
  const torch = join(libtorch, "include");
  const system = [torch, join(torch, "torch/csrc/api/include"), ...includes];
  const defines = ["USE_C10D", "USE_DISTRIBUTED", "USE_C10D_GLOO", "USE_C10D_NCCL"];
  const words = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", output];
  words.push(
    ...defines.map((name) => `-D${name}`),
    ...system.flatMap((path) => ["-isystem", path]),
  );
  words.push(
    ...SOURCES.map((name) => join(root, "native/shim/gpu", name)),
    `-L${join(libtorch, "lib")}`,
  );
  // The library's own symbols must all be found; those of libtorch_cuda are looked for when libtorch_cuda is loaded.
  words.push("-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10", "-ldl");
  words.push("-Wl,--no-undefined", "-Wl,--allow-shlib-undefined");
  await mustRun({ words }, "build the library of the GPUs' side with g++", session);
}
