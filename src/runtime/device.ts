/**
 * Device and precision of a run: the CPU or a rank's GPU, float32 or mixed precision. Both are checked before the
 * networks are built, with errors that name the GPU, the driver and the command that repairs the machine.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { showLine } from "../base/output.ts";
import { cudaProblem, gpuProblem } from "./gpu_fit.ts";
import { gpuOf, visibleGpus } from "./gpus.ts";
import { openCuda } from "../native/cuda.ts";
import { coreInfo, type DriverGpus, driverGpus, setNumerics } from "../native/core.ts";
import type { RankInfo } from "./rank.ts";
import { requireSetup } from "../setup/record.ts";

/** Options that choose the device. */
interface HardwareOptions {
  /** The CPU, one GPU, or a GPU for each rank. */
  hardware: "cpu" | "mono-gpu" | "multi-gpu";
  /** Ranks of the run. */
  ranks: number;
}

/** Options that choose the device and its numerics. */
interface DeviceOptions extends HardwareOptions {
  /** Mixed precision, or one type throughout. */
  precision: "mixed" | "normal";
  /** 16-bit type of mixed precision; "auto" is bf16 where the hardware computes with it, fp16 elsewhere. */
  ampDtype: "auto" | "bf16" | "fp16";
  /** True to let a GPU round the inputs of float32 products to TF32. */
  tf32: boolean;
  /** True to make a GPU sum in the same order each time. */
  deterministic: boolean;
}

/** Returns the device of a rank as the core names it: "cpu", or "cuda:1" for the second rank of its node. */
export function deviceOf(
  { hardware, ranks }: HardwareOptions,
  rankInfo: Readonly<RankInfo>,
): string {
  if (hardware === "cpu") return "cpu";
  if (hardware === "mono-gpu") return "cuda:0";
  if (ranks !== rankInfo.worldSize) {
    throw new Error(
      `Cannot name the GPU of rank ${rankInfo.rank} of ${rankInfo.worldSize}: expected a rank of ${ranks}`,
    );
  }
  return `cuda:${gpuOf(rankInfo, visibleGpus())}`;
}

/** Returns the type that convolutions and matrix products are computed in on a device; "normal" is float32 or float64. */
export function precisionOf(config: DeviceOptions, device: string): "normal" | "bf16" | "fp16" {
  if (config.precision === "normal") return "normal";
  if (config.ampDtype !== "auto") return config.ampDtype;
  return config.hardware === "cpu" || hasBf16(gpuAt(device, config).architecture) ? "bf16" : "fp16";
}

/** Returns the name of the GPU, for the fingerprint of a run; undefined on a CPU. */
export function gpuName(config: DeviceOptions, device: string): string | undefined {
  return config.hardware === "cpu" ? undefined : gpuAt(device, config).name;
}

/**
 * Opens the device. Must be called before the first tensor operation, because libtorch looks for CUDA only once.
 *
 * @throws UserError (set-up) where there is no driver, no GPU, or no GPU that this libtorch can use; (usage) where the
 * hardware does not compute in the type of --amp_dtype
 */
export function openDevice(config: DeviceOptions, device: string): void {
  if (config.hardware === "cpu") {
    if (config.precision === "mixed") requireBf16Processor();
    return;
  }
  const gpu = gpuAt(device, config);
  const setup = requireSetup();
  const problem = gpuProblem(gpu.architecture, setup) ??
    cudaProblem(gpu.cuda, setup.libtorchVersion);
  if (problem !== undefined) throw unusable(config, problem);
  if (config.precision === "mixed" && config.ampDtype === "bf16" && !hasBf16(gpu.architecture)) {
    throw new UserError(
      `Cannot use --amp_dtype=bf16 on ${gpu.name} (${gpu.architecture}): bf16 needs sm_80 or newer, ` +
        "expected fp16 or auto",
      ExitCode.usage,
    );
  }
  if (config.deterministic && Deno.env.get("CUBLAS_WORKSPACE_CONFIG") === undefined) {
    // cuBLAS sums in one order only with a workspace of a fixed size.
    Deno.env.set("CUBLAS_WORKSPACE_CONFIG", ":4096:8");
  }
  const slower = openCuda({ device: indexOf(device), architecture: gpu.architecture });
  if (slower !== undefined) showLine(`Warning: ${slower}`);
  setNumerics({ tf32: config.tf32, deterministic: config.deterministic });
}

/** Returns the driver's description of the GPU of a name such as "cuda:0". */
function gpuAt(
  device: string,
  config: HardwareOptions,
): { name: string; architecture: string; cuda: string } {
  const found: DriverGpus = driverGpus();
  if ("problem" in found) throw unusable(config, found.problem);
  const gpu = found.gpus[indexOf(device)];
  if (gpu === undefined) {
    throw unusable(
      config,
      `the driver shows ${found.gpus.length} GPUs, expected at least ${indexOf(device) + 1}`,
    );
  }
  return { ...gpu, cuda: found.cuda };
}

/** Returns the number of a GPU by its name: 1 for "cuda:1". */
function indexOf(device: string): number {
  return Number(device.replace("cuda:", ""));
}

function unusable({ hardware }: HardwareOptions, problem: string): UserError {
  return new UserError(`Cannot use --hardware=${hardware}: ${problem}`, ExitCode.setup);
}

/** Returns true for Ampere (sm_80) and newer, which multiply bf16 in hardware. */
function hasBf16(architecture: string): boolean {
  return Number(architecture.replace("sm_", "")) >= 80;
}

/** Refuses a CPU without bf16 instructions, on which bf16 is more than ten times slower than float32. */
function requireBf16Processor(): void {
  if (coreInfo().bf16) return;
  throw new UserError(
    "Cannot use --precision=mixed with --hardware=cpu: this CPU has neither avx512_bf16 nor amx_bf16, without which " +
      "bf16 is slower than float32; expected --precision=normal",
    ExitCode.usage,
  );
}
