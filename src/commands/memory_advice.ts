/** The message of a command that found no memory left: what it needed the memory for, and what needs less. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { CENTERED_BATCH } from "../evaluate/linear.ts";
import { NativeError } from "../native/native_error.ts";
import type { RunConfig } from "../options/config.ts";
import { probeTransformsOf } from "../recipes/preset_views.ts";

/** Options that decide how much memory an evaluation takes. */
type EvaluationConfig = Pick<
  RunConfig,
  | "datasetName"
  | "hardware"
  | "imageSize"
  | "precision"
  | "preset"
  | "probeAugment"
  | "probeBatchSize"
  | "protocol"
  | "ranks"
>;

/** Options that decide how much memory a step takes, or an evaluation of the training. */
type MemoryConfig =
  & EvaluationConfig
  & Pick<RunConfig, "batchSize" | "accumulateSteps" | "activationCheckpointing">;

/** A task that needed memory, and what needs less. */
interface Need {
  task: string;
  helps: string[];
}

/** Functions of the core that only an evaluation calls. */
const EVALUATION =
  /^byol_(bank|dataset_(embed|make_(center|probe))|features|finetune|probe|regression)/;

/** Returns the error to throw for a caught one in a training: for missing memory, a UserError that says what helps. */
export function withMemoryAdvice(error: unknown, config: MemoryConfig): unknown {
  if (!isMemory(error)) return error;
  const { symbol } = error;
  if (EVALUATION.test(symbol)) return lacking(error, needOf(symbol, config), config);
  const { batchSize, ranks, accumulateSteps, activationCheckpointing } = config;
  const images = batchSize / ranks / accumulateSteps;
  const helps = [
    ...images > 1
      ? [`--max_batch_per_rank=${Math.floor(images / 2)} (smaller passes, and batch statistics)`]
      : [],
    ...activationCheckpointing ? [] : ["--activation_checkpointing (same numbers, more time)"],
    "a smaller --image_size or network",
  ];
  return lacking(error, { task: `train on ${images} images a pass`, helps }, config);
}

/**
 * Returns the error to throw for a caught one in an evaluation: for missing memory, a UserError that says what helps.
 *
 * @param trainImages number of images to learn from, where it is known
 */
export function withEvaluationAdvice(
  error: unknown,
  config: EvaluationConfig,
  trainImages?: number,
): unknown {
  if (!isMemory(error)) return error;
  return lacking(error, needOf(error.symbol, config, trainImages), config);
}

/** Returns the error to throw for a caught one in a replay, whose steps are those of the run. */
export function withMemoryOfRun(error: unknown, config: Pick<RunConfig, "hardware">): unknown {
  if (!isMemory(error)) return error;
  const helps = ["as much memory as the run had"];
  return lacking(error, { task: "replay the steps", helps }, config);
}

function isMemory(error: unknown): error is NativeError {
  return error instanceof NativeError && error.code === "OutOfMemory";
}

function lacking(
  { message }: NativeError,
  { task, helps }: Need,
  { hardware }: Pick<RunConfig, "hardware">,
): UserError {
  const device = hardware === "cpu" ? "this machine" : "the GPU";
  // libtorch's frames stand on the lines after the first.
  const [words] = message.split("\n");
  return new UserError(
    `Cannot ${task}: ${device} has no memory left (${words}), expected ${helps.join(", or ")}`,
    ExitCode.unexpected,
  );
}

/** Returns the part of an evaluation that a function of the core belongs to. */
function needOf(symbol: string, config: EvaluationConfig, trainImages?: number): Need {
  if (/^byol_(bank|features|regression)/.test(symbol)) return embeddings(config, trainImages);
  if (!/^byol_(dataset_(embed|make)|finetune|learner_write|probe)/.test(symbol)) {
    return { task: "open images and networks for an evaluation", helps: elsewhere(config) };
  }
  const { protocol, probeAugment, probeBatchSize, ranks } = config;
  const smaller = smallerImages(config);
  if (protocol === "finetune" && !symbol.endsWith("_probe_test")) {
    const images = Math.min(probeBatchSize, trainImages ?? Infinity);
    const helps = [`--batch_size_clsf=${Math.max(1, Math.floor(images / 2))}`, smaller];
    return { task: `fine-tune on ${images} images a step`, helps };
  }
  const ofStep = Math.ceil(probeBatchSize / ranks);
  const isOnViews = protocol === "linear" || protocol === "clipped";
  const isOfStep = isOnViews && probeAugment && ofStep > CENTERED_BATCH;
  return isOfStep && !symbol.endsWith("_make_center_crops")
    ? {
      task: `train a linear probe on ${probeBatchSize} images a step`,
      helps: [`--batch_size_clsf=${Math.floor(probeBatchSize / 2)}`, smaller],
    }
    : { task: `embed ${CENTERED_BATCH} images a pass`, helps: [smaller, ...elsewhere(config)] };
}

/** Returns the need of the embeddings that k-NN, and a probe without augmentation, learn from. */
function embeddings(config: EvaluationConfig, images: number | undefined): Need {
  const { protocol, probeAugment } = config;
  return {
    task: `keep the embeddings of ${images ?? "all"} training images`,
    helps: [
      `--limit_train${images === undefined ? "" : `=${Math.floor(images / 2)}`} (fewer neighbours)`,
      ...protocol === "linear" && !probeAugment ? ["--clsf_augment (keeps them once)"] : [],
      ...elsewhere(config),
    ],
  };
}

function smallerImages(config: EvaluationConfig): string {
  const { crop } = probeTransformsOf(config).test;
  const half = Math.max(8, Math.floor(crop / Math.SQRT2));
  return `--image_size=${half} (half as many pixels as ${crop}, other accuracies)`;
}

function elsewhere({ hardware, precision }: EvaluationConfig): string[] {
  if (hardware === "cpu") return ["a machine with more memory"];
  return [...precision === "mixed" ? [] : ["--precision=mixed"], "--hardware=cpu"];
}
