/** Search for libtorch: LIBTORCH, a python3 that has torch, a wheel unpacked earlier, or one fetched now. */

import { join } from "node:path";
import { UserError } from "../base/exit_codes.ts";
import { REPAIR, setupError } from "./setup_error.ts";
import { exists } from "../base/files.ts";
import type { Session } from "./child.ts";
import { inspectLibtorch, type Libtorch } from "./libtorch.ts";
import { pipProblem, type Python } from "./machine.ts";
import { installWheels } from "./pip.ts";
import { LIBTORCH_SERIES, LIBTORCH_VERSION } from "./versions.ts";
import { lockedLines } from "./wheel_lock.ts";

/** The wheels, without which libtorch_cpu.so of the CUDA 13 wheel does not load on a machine without a GPU (13 MB). */
export const CPU_SET: readonly string[] = [
  `torch==${LIBTORCH_VERSION}`,
  "nvidia-cuda-runtime==13.0.96",
  "nvidia-cuda-cupti==13.0.85",
];

/** The wheels with all that CUDA needs: what the wheel of torch asks for, without its compiler (triton). */
export const CUDA_SET: readonly string[] = [
  ...CPU_SET,
  "nvidia-cublas==13.1.0.3",
  "nvidia-cuda-nvrtc==13.0.88",
  "nvidia-cudnn-cu13==9.19.0.56",
  "nvidia-cufft==12.0.0.61",
  "nvidia-cufile==1.15.1.6",
  "nvidia-curand==10.4.0.35",
  "nvidia-cusolver==12.0.4.66",
  "nvidia-cusparse==12.6.3.3",
  "nvidia-cusparselt-cu13==0.8.0",
  "nvidia-nccl-cu13==2.28.9",
  "nvidia-nvjitlink==13.0.88",
  "nvidia-nvshmem-cu13==3.4.5",
  "nvidia-nvtx==13.0.85",
];

/** Places that the search for libtorch looks at. */
export interface LibtorchSearch {
  /** The folder .byol/libtorch of the project. */
  store: string;
  /** The value of the variable LIBTORCH; empty when it is not set. */
  variable: string;
  python: Python | undefined;
  offline: boolean;
  /** Asks for the libraries of CUDA also where there is no driver (a login node). */
  cuda: boolean;
}

/**
 * Returns the libtorch that is there already; undefined when libtorch has to be fetched.
 *
 * @throws {UserError} (exit code 6) when LIBTORCH names one that cannot be used.
 */
export function findLibtorch(search: LibtorchSearch, session: Session): Libtorch | undefined {
  if (search.variable !== "") {
    return inspectLibtorch(search.variable, `LIBTORCH=${search.variable}`);
  }
  const torch = search.python?.torch;
  if (torch) {
    const found = inspectQuietly(torch, `the torch package of python3, ${torch}`, session);
    if (found && (!search.cuda || found.cudaCapable)) return found;
  }
  const full = inspectQuietly(storeFolder(search, true), "an earlier installation", session);
  if (full || search.cuda) return full;
  const small = inspectQuietly(storeFolder(search, false), "an earlier installation", session);
  const driver = search.python?.nvidia ?? false;
  if (small && driver && search.offline) {
    session.log(`the libtorch here is for CPUs only; for the GPU run with network: ${REPAIR}`);
  }
  return driver && !search.offline ? undefined : small;
}

function storeFolder(search: LibtorchSearch, cuda: boolean): string {
  return join(search.store, `torch-${LIBTORCH_VERSION}-${cuda ? "cuda" : "cpu"}`);
}

/** Inspects a libtorch that the user did not name. A libtorch that does not fit is passed over, with a line in the log. */
function inspectQuietly(folder: string, origin: string, session: Session): Libtorch | undefined {
  if (!exists(folder)) return undefined;
  try {
    return inspectLibtorch(folder, origin);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    session.log(`passing over ${origin}: ${error.message}`);
    return undefined;
  }
}

/** Returns the reason why libtorch cannot be fetched here, with the repair; undefined when libtorch can be fetched. */
export function fetchProblem(search: LibtorchSearch): string | undefined {
  if (!search.offline) return pipProblem(search.python);
  return `Cannot set up offline: libtorch ${LIBTORCH_SERIES} is not in ${search.store}; ` +
    `on a machine with network (a login node) run: ${REPAIR}`;
}

/** Fetches the wheel from the package index: the small set for CPUs, or with all that CUDA needs. */
export async function fetchLibtorch(search: LibtorchSearch, session: Session): Promise<Libtorch> {
  const cuda = search.cuda || (search.python?.nvidia ?? false);
  const size = cuda ? "with CUDA: about 2.5 GB" : "for CPUs: about 545 MB";
  session.log(`fetching libtorch ${LIBTORCH_VERSION} ${size}, once, into ${search.store}`);
  if (search.python === undefined) throw setupError("Cannot install libtorch: there is no python3");
  const folder = storeFolder(search, cuda);
  await installWheels(folder, {
    lines: lockedLines(cuda ? CUDA_SET : CPU_SET),
    python: search.python,
  }, session);
  return inspectLibtorch(folder, folder);
}
