/**
 * Device and precision of a run: the processor or a rank's GPU, float32 or 16 bits. Checked before anything is built,
 * with errors that name the GPU, the driver and the repair.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { cudaProblem, gpuProblem } from "./gpu_fit.ts";
import { gpuOf, visibleGpus } from "./gpus.ts";
import { openCuda } from "../native/cuda.ts";
import { coreInfo, type DriverGpus, driverGpus, setNumerics } from "../native/core.ts";
import { discoverRank } from "./rank.ts";
import { requireSetup } from "../setup/record.ts";

/** Options that choose what computes. */
interface HardwareOptions {
  /** The processor, one GPU, or a GPU for each rank. */
  hardware: "cpu" | "mono-gpu" | "multi-gpu";
}

/** Options that choose what computes, and in which numbers. */
interface DeviceOptions extends HardwareOptions {
  /** 16 bits and float32 mixed, or one type throughout. */
  precision: "mixed" | "normal";
  /** Type of 16 bits that mixed precision multiplies in; "auto" is bf16 where the hardware has it. */
  ampDtype: "auto" | "bf16" | "fp16";
  /** Lets a GPU round the inputs of float32 products to TF32. */
  tf32: boolean;
  /** Makes a GPU sum in the same order each time. */
  deterministic: boolean;
}

/** The device of this process as the core names it: "cpu", or "cuda:1" where it is the second rank of its node. */
export function deviceOf({ hardware }: HardwareOptions): string {
  if (hardware === "cpu") return "cpu";
  if (hardware === "mono-gpu") return "cuda:0";
  return `cuda:${gpuOf(discoverRank((name) => Deno.env.get(name)), visibleGpus())}`;
}

/** Returns the type that convolutions and matrix products are computed in. */
export function precisionOf(config: DeviceOptions): "normal" | "bf16" | "fp16" {
  if (config.precision === "normal") return "normal";
  if (config.ampDtype !== "auto") return config.ampDtype;
  return config.hardware === "cpu" || hasBf16(gpuHere(config).architecture) ? "bf16" : "fp16";
}

/** Returns the name of the GPU, for the fingerprint of a run; undefined on a processor. */
export function gpuName(config: DeviceOptions): string | undefined {
  return config.hardware === "cpu" ? undefined : gpuHere(config).name;
}

/**
 * Makes the device ready: to be called before anything is computed, as libtorch looks for CUDA once.
 *
 * @throws UserError (set-up) where there is no driver, no GPU, or none that this libtorch can use; (usage) where the
 * hardware cannot do what --amp_dtype asks for
 */
export function openDevice(config: DeviceOptions): void {
  if (config.hardware === "cpu") {
    if (config.precision === "mixed") requireBf16Processor();
    return;
  }
  const gpu = gpuHere(config);
  const setup = requireSetup();
  const problem = gpuProblem(gpu.architecture, setup) ??
    cudaProblem(gpu.cuda, setup.libtorchVersion);
  if (problem !== undefined) throw unusable(config, problem);
  if (config.precision === "mixed" && config.ampDtype === "bf16" && !hasBf16(gpu.architecture)) {
    throw new UserError(
      `Cannot use --amp_dtype=bf16 on ${gpu.name} (${gpu.architecture}): bf16 takes sm_80 or newer, expected fp16 or auto`,
      ExitCode.usage,
    );
  }
  if (config.deterministic && Deno.env.get("CUBLAS_WORKSPACE_CONFIG") === undefined) {
    // cuBLAS sums in one order only with a workspace of a fixed size.
    Deno.env.set("CUBLAS_WORKSPACE_CONFIG", ":4096:8");
  }
  const slower = openCuda();
  if (slower !== undefined) console.error(`Warning: ${slower}`);
  setNumerics({ tf32: config.tf32, deterministic: config.deterministic });
}

/** The GPU of this process, as the driver describes it. */
function gpuHere(
  config: HardwareOptions,
): { name: string; architecture: string; cuda: string } {
  const found: DriverGpus = driverGpus();
  if ("problem" in found) throw unusable(config, found.problem);
  const index = Number(deviceOf(config).replace("cuda:", ""));
  const gpu = found.gpus[index];
  if (gpu === undefined) {
    throw unusable(
      config,
      `the driver shows ${found.gpus.length} GPUs, expected at least ${index + 1}`,
    );
  }
  return { ...gpu, cuda: found.cuda };
}

function unusable({ hardware }: HardwareOptions, problem: string): UserError {
  return new UserError(`Cannot use --hardware=${hardware}: ${problem}`, ExitCode.setup);
}

/** Ampere and newer multiply bf16 in hardware. */
function hasBf16(architecture: string): boolean {
  return Number(architecture.replace("sm_", "")) >= 80;
}

/** Without the instructions for it, bf16 is more than ten times slower than float32. */
function requireBf16Processor(): void {
  if (coreInfo().bf16) return;
  throw new UserError(
    "Cannot use --precision=mixed with --hardware=cpu on this processor: it has neither avx512_bf16 nor amx_bf16, " +
      "without which bf16 is slower than float32; expected --precision=normal",
    ExitCode.usage,
  );
}
