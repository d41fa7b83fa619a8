/**
 * Rules on combinations of options: errors for those that cannot run, and notes on others.
 *
 * @module
 */

import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { shownValue } from "../base/option_values.ts";
import { TO_MEASURE } from "../recipes/normalisation.ts";
import { stemOf } from "../recipes/stem.ts";
import { isGiven, type Origins, type RunConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import { PRESETS } from "./presets.ts";
import { OPTIONS } from "./table.ts";

/** Note for a machine with a GPU that the run leaves unused. */
const GPU_NOTE =
  "This machine has an NVIDIA GPU (/dev/nvidia0), which --hardware=cpu does not use: --hardware=mono-gpu does";

/** Returns the message for a configuration that breaks a rule; undefined for any other. */
type Rule = (config: RunConfig, origins: Origins) => string | undefined;

const PATH_RULES: readonly Rule[] = [
  ({ datasetName, dataDir }, origins) =>
    datasetName === "demo" && isGiven(origins.dataDir)
      ? `Cannot use --data_dir=${dataDir} with --dataset_name=demo, which is built in: ` +
        "expected --dataset_name=cifar10 with it"
      : undefined,
  ({ traceDir, traceSteps }, origins) =>
    isGiven(origins.traceDir) && traceSteps === 0
      ? `Cannot use --trace_dir=${traceDir} without steps to write: expected --trace_steps=N with it`
      : undefined,
];

const DATA_RULES: readonly Rule[] = [
  ({ datasetName, normalisation }) =>
    normalisation === TO_MEASURE && datasetName !== "imagenet" && datasetName !== "folder"
      ? `Cannot measure --dataset_name=${datasetName} with --normalisation=data: expected photos, or ` +
        "--normalisation=cifar or imagenet"
      : undefined,
  ({ datasetName, holdOut }, origins) =>
    holdOut !== null && !holdOut.endsWith("%") && isGiven(origins.holdOut) &&
      (datasetName === "imagenet" || datasetName === "folder")
      ? `Cannot hold out --hold_out=${holdOut} images of --dataset_name=${datasetName}: expected a percentage of each ` +
        "class, such as --hold_out=10%"
      : undefined,
];

const MACHINE_RULES: readonly Rule[] = [
  ({ precision, dtype }) =>
    precision === "mixed" && dtype === "float64"
      ? "Cannot use --precision=mixed with --dtype=float64: expected one of them"
      : undefined,
  ({ precision, hardware, ampDtype }) =>
    precision === "mixed" && hardware === "cpu" && ampDtype === "fp16"
      ? "Cannot use --amp_dtype=fp16 with --hardware=cpu: expected bf16 or auto"
      : undefined,
  ({ hardware, ranks }) =>
    hardware === "mono-gpu" && ranks > 1
      ? `Cannot use --ranks=${ranks} with --hardware=mono-gpu: expected --hardware=multi-gpu`
      : undefined,
];

const BUDGET_RULES: readonly Rule[] = [
  ({ timeBudget, epochs }, origins) =>
    timeBudget !== null && isGiven(origins.epochs)
      ? `Cannot use --time_budget=${timeBudget} with --nb_epochs=${epochs}: the budget chooses the epochs, expected ` +
        "one of the two"
      : undefined,
  ({ timeBudget, maxSteps }) =>
    timeBudget !== null && maxSteps !== null
      ? `Cannot use --time_budget=${timeBudget} with --max_steps=${maxSteps}: a run with a budget ends with its ` +
        "schedules, expected one of the two"
      : undefined,
  ({ timeBudget, resume }) =>
    timeBudget !== null && resume !== "auto" && resume !== "never"
      ? `Cannot use --time_budget=${timeBudget} with --resume=${resume}: the budget is that of a run from its first ` +
        "step on, expected --resume=auto; --init_from begins with the weights of another run"
      : undefined,
];

/** Sides of views, in pixels: ImageNet's by default, and the largest that resnet20 is trained on. */
const [IMAGENET_SIDE, LARGEST_OF_RESNET20] = [224, 64];

const NETWORK_RULES: readonly Rule[] = [
  (config, origins) =>
    isOfSmallImages(config.preset) && stemOf(config) === "imagenet" && !isGiven(origins.imageSize)
      ? `Cannot train by --preset=${config.preset}, a recipe for images of 32 pixels, on photos ` +
        `(--dataset_name=${config.datasetName}): expected ${
          config.datasetName === "folder"
            ? "no --preset, for a recipe by the number and size of the images"
            : "--preset=byol_imagenet"
        }, or --image_size=N with it for the side of the views`
      : undefined,
  ({ resnetType, stem }) =>
    resnetType === "resnet20" && stem === "imagenet"
      ? "Cannot use --stem=imagenet with --resnet_type=resnet20, which has the stem for small images alone: expected " +
        "--stem=cifar"
      : undefined,
  ({ checkpoint, resnetType, datasetName, imageSize }) =>
    checkpoint === null && resnetType === "resnet20" &&
      (imageSize ?? (datasetName === "imagenet" ? IMAGENET_SIDE : 0)) > LARGEST_OF_RESNET20
      ? `Cannot train --resnet_type=resnet20, which is for images of at most ${LARGEST_OF_RESNET20} pixels, on ` +
        `views of ${
          imageSize ?? IMAGENET_SIDE
        }: expected --image_size=${LARGEST_OF_RESNET20} or less, or resnet18, ` +
        "34, 50, 101 or 152"
      : undefined,
  ({ activationCheckpointing, bnViews, ranks }) =>
    activationCheckpointing && bnViews === "separate" && ranks > 1
      ? "Cannot use --activation_checkpointing with --bn_views=separate on several ranks, where a step " +
        "averages each gradient once: expected --bn_views=joint or one rank"
      : undefined,
  ({ activationCheckpointing, rotationWeight, ranks }) =>
    activationCheckpointing && rotationWeight > 0 && ranks > 1
      ? `Cannot use --activation_checkpointing with --rotation_weight=${rotationWeight} on several ranks, where a ` +
        "step averages each gradient once: expected one rank or activations that are kept"
      : undefined,
  (config) =>
    config.checkpoint === null && normalisedValues(config) < 2
      ? `Cannot train with --batch_size=${config.batchSize} on ${config.ranks} ranks in ` +
        `--accumulate_steps=${config.accumulateSteps} with --bn_views=${config.bnViews} and ` +
        `--sync_bn=${config.syncBn}: batch statistics of the heads would be over one value, expected at least 2: a ` +
        "larger batch, fewer micro-batches (--accumulate_steps, --max_batch_per_rank), --bn_views=joint or --sync_bn"
      : undefined,
];

function isOfSmallImages(preset: RunConfig["preset"]): boolean {
  return preset !== null && stemOf(PRESETS[preset]) === "cifar";
}

const EVALUATION_RULES: readonly Rule[] = [
  ({ protocol, probeAugment }) =>
    protocol === "finetune" && !probeAugment
      ? "Cannot use --clsf_augment=false with --protocol=finetune, which trains on random crops and flips: " +
        "expected --clsf_augment"
      : undefined,
  ({ protocol, probeAugment }) =>
    protocol === "clipped" && !probeAugment
      ? "Cannot use --clsf_augment=false with --protocol=clipped, which trains on pre-training's views: expected " +
        "--clsf_augment"
      : undefined,
  ({ protocol, probeBatchSize }) =>
    protocol === "finetune" && probeBatchSize < 2
      ? `Cannot use --batch_size_clsf=${probeBatchSize} with --protocol=finetune: expected at least 2, for batch ` +
        "statistics"
      : undefined,
  ({ protocol, probeSweep, probeAugment }) =>
    protocol !== "finetune" && protocol !== "logreg" && probeSweep && probeAugment
      ? "Cannot use --clsf_lr_sweep, which trains many probes, on random crops: expected --clsf_augment=false with it"
      : undefined,
  ({ protocol, saveProbe }) =>
    protocol === "knn" && saveProbe !== null
      ? `Cannot use --save_probe=${saveProbe} with --protocol=knn, which has no probe: expected another protocol`
      : undefined,
  ({ evalAtEnd, evalEveryEpochs }) =>
    evalAtEnd && evalEveryEpochs === 0
      ? "Cannot use --eval_at_end with --clsf_every=0, which switches evaluation off: expected at least 1"
      : undefined,
];

const RULES: readonly Rule[] = [
  ...[PATH_RULES, DATA_RULES, MACHINE_RULES, BUDGET_RULES, NETWORK_RULES, EVALUATION_RULES].flat(),
];

/**
 * Refuses combinations of options that cannot run.
 *
 * @throws UserError (usage) for the first rule that is broken
 */
export function requireSound(config: RunConfig, origins: Origins): void {
  for (const rule of RULES) {
    const problem = rule(config, origins);
    if (problem !== undefined) throw usageError(problem);
  }
}

/**
 * Refuses options that contradict the architecture of the checkpoint to evaluate.
 *
 * @throws UserError (checkpoint) for the first option that differs
 */
export function requireSameArchitecture(
  given: Partial<RunConfig>,
  saved: Partial<RunConfig>,
): void {
  for (const field of ["resnetType", "zDim", "hiddenDim"] as const) {
    const [asked, found] = [given[field], saved[field]];
    if (asked === undefined || found === undefined || asked === found) continue;
    const option = OPTIONS[field].option;
    throw new UserError(
      `Cannot evaluate ${given.checkpoint} with --${option}=${asked}: it was trained with ` +
        `--${option}=${found}, expected this value or no --${option}`,
      ExitCode.checkpoint,
    );
  }
}

/** Returns notes for the user before the run starts, one line each. */
export function notesOn(config: RunConfig, environment: Environment): string[] {
  const notes: string[] = [];
  if (config.hardware === "cpu" && environment.exists("/dev/nvidia0")) notes.push(GPU_NOTE);
  if (config.checkpoint === null && config.warmupEpochs > config.epochs) {
    notes.push(
      `The warm-up of ${shownValue(config.warmupEpochs)} epochs is longer than the run of ` +
        `${shownValue(config.epochs)}: the learning rate only rises`,
    );
  }
  return notes;
}

/**
 * Returns the number of values that a batch statistic of the heads is computed over: the images of a micro-batch (of
 * all ranks with --sync_bn), times two where both views pass the network together.
 */
export function normalisedValues(
  { batchSize, accumulateSteps, ranks, syncBn, bnViews }: Pick<
    RunConfig,
    "batchSize" | "accumulateSteps" | "ranks" | "syncBn" | "bnViews"
  >,
): number {
  const images = batchSize / accumulateSteps / (syncBn ? 1 : ranks);
  return bnViews === "joint" ? 2 * images : images;
}
