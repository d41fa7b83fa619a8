/** Contents of a libtorch folder: version, kind, the libraries that the core needs. */

import { dirname, join, resolve } from "node:path";
import { setupError } from "./setup_error.ts";
import { exists, readIfThere } from "../base/files.ts";
import { LIBTORCH_SERIES } from "./versions.ts";

/** A libtorch that the core can be built against. */
export interface Libtorch {
  /** Absolute path of the folder that holds lib/ and include/. */
  folder: string;
  version: string;
  cudaCapable: boolean;
}

/** Reads the version of a libtorch folder from its version files; undefined when the folder has none. */
export function libtorchVersion(folder: string): string | undefined {
  const buildVersion = readIfThere(join(folder, "build-version"))?.trim();
  if (buildVersion) return buildVersion;
  const python = readIfThere(join(folder, "version.py"));
  const header = readIfThere(join(folder, "include/torch/headeronly/version.h")) ??
    readIfThere(join(folder, "include/torch/version.h"));
  return python?.match(/^__version__ = '([^']+)'/m)?.[1] ??
    header?.match(/TORCH_VERSION\s+\\?\s*"([^"]+)"/)?.[1];
}

/** Returns true for a version of the series that the core is written for. */
export function isSupportedVersion(version: string | undefined): version is string {
  return version !== undefined && version.startsWith(`${LIBTORCH_SERIES}.`);
}

/**
 * Inspects a folder: that of libtorch's archive, of the Python package, or the one that holds `torch/`.
 *
 * @param origin name of the folder in messages: `LIBTORCH=/opt/libtorch`
 * @throws {UserError} (exit code 6) when it is no libtorch 2.11 for Linux on x86-64, or one for ROCm.
 */
export function inspectLibtorch(path: string, origin: string): Libtorch {
  const folder = ["", "torch"].map((part) => resolve(path, part))
    .find((candidate) => exists(libraries(candidate).cpu));
  if (folder === undefined) {
    throw setupError(`Cannot use ${origin}: expected a folder with lib/libtorch_cpu.so in it`);
  }
  const version = libtorchVersion(folder);
  if (isRocm(folder, version)) {
    throw setupError(
      `Cannot use ${origin}: it is a ROCm build, expected one for CPU or CUDA; ` +
        "unset LIBTORCH to let set-up fetch one",
    );
  }
  if (!isSupportedVersion(version)) {
    throw setupError(
      `Cannot use ${origin}: it holds version ${
        version ?? "unknown"
      }, expected ${LIBTORCH_SERIES}; ` +
        "unset LIBTORCH to let set-up fetch it",
    );
  }
  if (!exists(join(folder, "include/torch/csrc/api/include/torch/torch.h"))) {
    throw setupError(`Cannot use ${origin}: expected libtorch's headers in ${folder}/include`);
  }
  return { folder, version, cudaCapable: isCudaCapable(folder) };
}

function isRocm(folder: string, version: string | undefined): boolean {
  return version?.includes("+rocm") === true || exists(join(folder, "lib/libtorch_hip.so"));
}

/** Returns true where cuDNN is there beside CUDA's part of libtorch, which the wheel brings in any case. */
function isCudaCapable(folder: string): boolean {
  if (!exists(join(folder, "lib/libtorch_cuda.so"))) return false;
  const cudnn = [join(folder, "lib"), join(dirname(folder), "nvidia/cudnn/lib")];
  return cudnn.some((place) =>
    exists(place) &&
    [...Deno.readDirSync(place)].some(({ name }) => name.startsWith("libcudnn"))
  );
}

/** Lists the libraries to open before the core, in this order. */
export function preloadList(folder: string): string[] {
  const { c10, cpu } = libraries(folder);
  return [c10, cpu];
}

/** Returns the libraries that the core is linked against; `gomp` is absent where the system's OpenMP is used. */
export function libraries(
  folder: string,
): { c10: string; cpu: string; torch: string; gomp: string | undefined } {
  const lib = join(folder, "lib");
  const gomp = exists(lib)
    ? [...Deno.readDirSync(lib)].find(({ name }) => /^libgomp\b.*\.so/.test(name))?.name
    : undefined;
  return {
    c10: join(lib, "libc10.so"),
    cpu: join(lib, "libtorch_cpu.so"),
    torch: join(lib, "libtorch.so"),
    gomp: gomp === undefined ? undefined : join(lib, gomp),
  };
}
