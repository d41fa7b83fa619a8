/** The message of a training that found no memory left: what it needed the memory for, and what needs less. */

import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { NativeError } from "../../native/native_error.ts";
import type { RunConfig } from "../../options/config.ts";

/** Options that decide how much memory a step takes. */
type MemoryConfig = Pick<
  RunConfig,
  "batchSize" | "ranks" | "accumulateSteps" | "activationCheckpointing" | "hardware"
>;

/** Returns the error to throw for a caught one: for missing memory, a UserError that says what helps. */
export function withMemoryAdvice(error: unknown, config: MemoryConfig): unknown {
  if (!(error instanceof NativeError) || error.code !== "OutOfMemory") return error;
  const { batchSize, ranks, accumulateSteps, activationCheckpointing, hardware } = config;
  const images = batchSize / ranks / accumulateSteps;
  const device = hardware === "cpu" ? "this machine" : "the GPU";
  const helps = [
    ...images > 1
      ? [`--max_batch_per_rank=${Math.floor(images / 2)} (smaller passes, and batch statistics)`]
      : [],
    ...activationCheckpointing ? [] : ["--activation_checkpointing (same numbers, more time)"],
    "a smaller --image_size or network",
  ];
  return new UserError(
    `Cannot train on ${images} images a pass: ${device} has no memory left (${error.message}), ` +
      `expected ${helps.join(", or ")}`,
    ExitCode.unexpected,
  );
}
