/**
 * Energy of this process's GPU, by the counter of NVML (NVIDIA's management library). The counter is the GPU's own: other
 * jobs on the same node have other GPUs.
 *
 * @module
 */

/** Functions of CUDA's driver, as cuda.h has them: the GPU's place on the bus. */
const CUDA = {
  cuInit: { parameters: ["u32"], result: "i32" },
  cuDeviceGet: { parameters: ["buffer", "i32"], result: "i32" },
  cuDeviceGetPCIBusId: { parameters: ["buffer", "i32", "i32"], result: "i32" },
} as const;
/** Functions of NVML, as nvml.h has them. */
const NVML = {
  nvmlInit_v2: { parameters: [], result: "i32" },
  nvmlShutdown: { parameters: [], result: "i32" },
  nvmlDeviceGetHandleByPciBusId_v2: { parameters: ["buffer", "buffer"], result: "i32" },
  nvmlDeviceGetTotalEnergyConsumption: { parameters: ["pointer", "buffer"], result: "i32" },
  // Drivers before 450 divide no GPU, and lack the function.
  nvmlDeviceGetMigMode: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "i32",
    optional: true,
  },
} as const;
const SUCCESS = 0;
const MIG_ENABLED = 1;
/** Room for a place such as 00000000:3B:00.0. */
const PLACE_BYTES = 32;
const MILLIJOULES = 1000;

/** Names of the driver's libraries. */
export interface DriverLibraries {
  cuda: string;
  nvml: string;
}

const LIBRARIES: Readonly<DriverLibraries> = { cuda: "libcuda.so.1", nvml: "libnvidia-ml.so.1" };

/** Counter of the energy of one GPU. */
export class GpuEnergy implements Disposable {
  readonly #nvml: Deno.DynamicLibrary<typeof NVML>;
  readonly #gpu: Deno.PointerValue;
  readonly #start: number;

  private constructor(
    nvml: Deno.DynamicLibrary<typeof NVML>,
    gpu: Deno.PointerValue,
    start: number,
  ) {
    this.#nvml = nvml;
    this.#gpu = gpu;
    this.#start = start;
  }

  /**
   * Opens the counter of a GPU.
   *
   * @param device a device such as "cuda:1"
   * @param libraries names of the driver's libraries
   * @returns undefined where nothing counts for this GPU alone: on "cpu", without the libraries, on a GPU older than
   * Volta, and on a GPU that is divided among jobs (MIG)
   */
  static open(
    device: string,
    libraries: Readonly<DriverLibraries> = LIBRARIES,
  ): GpuEnergy | undefined {
    const index = /^cuda:(\d+)$/.exec(device)?.[1];
    if (index === undefined) return undefined;
    const place = placeOf(Number(index), libraries.cuda);
    const nvml = place === undefined ? undefined : opened(libraries.nvml, NVML);
    if (place === undefined || nvml === undefined) return undefined;
    const gpu = nvml.symbols.nvmlInit_v2() === SUCCESS ? gpuAt(nvml, place) : undefined;
    const start = gpu === undefined ? undefined : joulesOf(nvml, gpu);
    if (gpu !== undefined && start !== undefined) return new GpuEnergy(nvml, gpu, start);
    nvml.close();
    return undefined;
  }

  /** Returns the energy since the counter was opened, in joules; undefined where it cannot be read any more. */
  joules(): number | undefined {
    const now = joulesOf(this.#nvml, this.#gpu);
    return now === undefined || now < this.#start ? undefined : now - this.#start;
  }

  /** Closes the library. */
  [Symbol.dispose](): void {
    this.#nvml.symbols.nvmlShutdown();
    this.#nvml.close();
  }
}

/** Opens a library; returns undefined where it, or a function of it, is missing. */
function opened<Functions extends Deno.ForeignLibraryInterface>(
  name: string,
  functions: Functions,
): Deno.DynamicLibrary<Functions> | undefined {
  try {
    return Deno.dlopen(name, functions);
  } catch {
    // For a missing library Deno has no class of error of its own.
    return undefined;
  }
}

/** Returns a visible GPU's place on the bus as a C string; undefined where the driver tells none. */
function placeOf(index: number, name: string): Uint8Array<ArrayBuffer> | undefined {
  const cuda = opened(name, CUDA);
  if (cuda === undefined) return undefined;
  const device = new Int32Array(1);
  const place = new Uint8Array(PLACE_BYTES);
  const { cuInit, cuDeviceGet, cuDeviceGetPCIBusId } = cuda.symbols;
  const isFound = cuInit(0) === SUCCESS && cuDeviceGet(device, index) === SUCCESS &&
    cuDeviceGetPCIBusId(place, PLACE_BYTES, device[0]!) === SUCCESS;
  // The driver stays loaded: libtorch uses it too.
  return isFound ? place : undefined;
}

/** Returns NVML's handle of the GPU at a place; undefined where there is none, or where the GPU is divided. */
function gpuAt(
  { symbols }: Deno.DynamicLibrary<typeof NVML>,
  place: Uint8Array<ArrayBuffer>,
): Deno.PointerValue | undefined {
  const handle = new BigUint64Array(1);
  if (symbols.nvmlDeviceGetHandleByPciBusId_v2(place, handle) !== SUCCESS) return undefined;
  const gpu = Deno.UnsafePointer.create(handle[0]!);
  const [now, next] = [new Uint32Array(1), new Uint32Array(1)];
  const isKnown = symbols.nvmlDeviceGetMigMode?.(gpu, now, next) === SUCCESS;
  return isKnown && now[0] === MIG_ENABLED ? undefined : gpu;
}

function joulesOf(
  { symbols }: Deno.DynamicLibrary<typeof NVML>,
  gpu: Deno.PointerValue,
): number | undefined {
  const millijoules = new BigUint64Array(1);
  const status = symbols.nvmlDeviceGetTotalEnergyConsumption(gpu, millijoules);
  return status === SUCCESS ? Number(millijoules[0]) / MILLIJOULES : undefined;
}
