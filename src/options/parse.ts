/**
 * The configuration of a run: from a command line, a preset, a checkpoint and the defaults to one object,
 * checked, with a record of where each value came from.
 *
 * @module
 */

import type { DatasetName } from "../recipes/views.ts";
import { type Command, FIELDS, GPU_NOTE, optionOf, OPTIONS, PER_DATASET } from "./table.ts";
import { type OptionValue, problemOf, shownValue } from "../base/option_values.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { type CommandLine, type ReadableTable, readGiven } from "../base/command_line.ts";
import { SYNONYMS } from "./synonyms.ts";
import { DATASET_DEFAULTS, FINE_TUNING, type Preset, PRESETS, type Recipe } from "./presets.ts";
import { gpuOf, requireGpus, visibleGpus } from "../runtime/gpus.ts";
import {
  coresOfRank,
  discoverRank,
  type RankInfo,
  SINGLE_PROCESS,
  type Variable,
} from "../runtime/rank.ts";
import { dataDirOnJeanZay, imagenetDir } from "../runtime/sites.ts";
import { stemOf } from "../recipes/stem.ts";

/** Everything a run needs to know, one field per option; null where nothing is asked for. */
export interface RunConfig {
  /** `--dataset_name` */
  datasetName: DatasetName;
  /** `--data_dir`: the folder or archive of the images; null for a built-in data set. */
  dataDir: string | null;
  /** `--image_size`: side of the views in pixels; null for the recipes' own. */
  imageSize: number | null;
  /** `--stage_to`: where packed shards are copied first; null leaves them where they are. */
  stageTo: string | null;
  /** `--max_bad_fraction`: share of the image files that may be unusable. */
  maxBadFraction: number;
  /** `--allow_unverified_data`: data with a wrong MD5 is a warning. */
  allowUnverifiedData: boolean;
  /** `--limit_train`: use the first so many training images only; null for all. */
  limitTrain: number | null;
  /** `--offline`: never touch the network. */
  offline: boolean;
  /** `--preset`: a complete recipe by name. */
  preset: string | null;
  /** `--resnet_type` */
  resnetType: "resnet18" | "resnet34" | "resnet50" | "resnet101" | "resnet152" | "resnet20";
  /** `--hidden_dim`: width of the hidden layer of projector and predictor. */
  hiddenDim: number;
  /** `--z_dim`: width of a projection. */
  zDim: number;
  /** `--bn_views`: one batch-normalisation pass over both views, or one per view. */
  bnViews: "joint" | "separate";
  /** `--sync_bn`: batch statistics over all ranks. */
  syncBn: boolean;
  /** `--nb_epochs` */
  epochs: number;
  /** `--nb_epochs_warmup`: epochs over which the learning rate rises. */
  warmupEpochs: number;
  /** `--batch_size`: images per optimizer step, over all ranks; an incomplete last batch is dropped. */
  batchSize: number;
  /** `--accumulate_steps`: parts that a step's batch is computed in. */
  accumulateSteps: number;
  /** `--max_batch_per_rank`: most images that a rank computes at once; null for no limit. */
  maxBatchPerRank: number | null;
  /** `--lr_init`: the learning rate after the warm-up, used as given. */
  learningRate: number;
  /** `--momentum`: of the optimizer. */
  momentum: number;
  /** `--weight_decay` */
  weightDecay: number;
  /** `--eta`: LARS's trust coefficient. */
  eta: number;
  /** `--lars_variant`: whether the momentum buffer holds the learning rate. */
  larsVariant: "reference" | "deepmind";
  /** `--tau_base`: the target's decay at the first step. */
  tauBase: number;
  /** `--aug_schedule`: a JSON file that moves the augmentations over time. */
  augSchedule: string | null;
  /** `--max_steps`: stop after so many steps of the unchanged schedules. */
  maxSteps: number | null;
  /** `--seed` */
  seed: number;
  /** `--clsf_every`: epochs between evaluations; 0 for none at all. */
  evalEveryEpochs: number;
  /** `--eval_at_end`: evaluate at the end of a run cut by maxSteps too. */
  evalAtEnd: boolean;
  /** `--online_probe`: a linear probe learns beside the encoder. */
  onlineProbe: boolean;
  /** `--nb_epochs_clsf` */
  probeEpochs: number;
  /** `--batch_size_clsf` */
  probeBatchSize: number;
  /** `--lr_init_clsf` */
  probeLearningRate: number;
  /** `--momentum_clsf` */
  probeMomentum: number;
  /** `--weight_decay_clsf` */
  probeWeightDecay: number;
  /** `--clsf_augment`: whether the probe sees random crops and flips. */
  probeAugment: boolean;
  /** `--clsf_lr_sweep`: whether the probe's learning rate is chosen on held-out training images. */
  probeSweep: boolean;
  /** `--protocol`: how `eval` evaluates. */
  protocol: "linear" | "finetune" | "knn";
  /** `--label_fraction`: share of the training images that `eval` learns from, in percent. */
  labelFraction: number;
  /** `--save_probe`: the file that `eval` writes the final probe to; null for none. */
  saveProbe: string | null;
  /** `--computer` */
  computer: "jeanzay" | "other";
  /** `--hardware` */
  hardware: "cpu" | "mono-gpu" | "multi-gpu";
  /** `--precision` */
  precision: "mixed" | "normal";
  /** `--amp_dtype`: what mixed precision multiplies in; "auto" is bf16 where the GPU has it. */
  ampDtype: "auto" | "bf16" | "fp16";
  /** `--cuda_graph`: whether a step on one GPU is recorded as a CUDA graph. */
  cudaGraph: boolean;
  /** `--activation_checkpointing`: whether activations are computed again for the backward pass, and not kept. */
  activationCheckpointing: boolean;
  /** `--tf32`: whether a GPU may round the inputs of float32 products. */
  tf32: boolean;
  /** `--deterministic`: whether a GPU makes all sums in the same order, each time. */
  deterministic: boolean;
  /** `--dtype` */
  dtype: "float32" | "float64";
  /** `--nb_workers`: threads that prepare views; never changes a result. */
  nbWorkers: number;
  /** `--prefetch`: batches of photos that may be made ahead; never changes a result. */
  prefetch: number;
  /** `--threads`: threads of libtorch's own computations. */
  threads: number;
  /** `--ranks`: processes that train or evaluate together. */
  ranks: number;
  /** `--init_timeout`: seconds for all ranks to come together. */
  initTimeout: number;
  /** `--step_timeout`: seconds that a rank waits for the others within a step. */
  stepTimeout: number;
  /** `--expe_name` */
  expeName: string;
  /** `--run_dir` */
  runDir: string;
  /** `--save_every`: epochs between the checkpoints that are kept for good. */
  saveEveryEpochs: number;
  /** `--save_every_minutes`: minutes between checkpoints; 0 for none by the clock. */
  saveEveryMinutes: number;
  /** `--save_every_steps`: steps between checkpoints; 0 for none by the step. */
  saveEverySteps: number;
  /** `--on_save_error`: what a failed save does to the run. */
  onSaveError: "stop" | "continue";
  /** `--stop_on_collapse`: whether collapsed embeddings end the run, or are a warning. */
  stopOnCollapse: boolean;
  /** `--collapse_below`: the share of 1/√z_dim below which an embedding_std counts as collapsed. */
  collapseBelow: number;
  /** `--collapse_rows`: logged steps in a row below it before that is said. */
  collapseRows: number;
  /** `--resume`: "auto", "never", or the path of a checkpoint. */
  resume: string;
  /** `--init_from`: the file whose encoder a new run begins with; null for weights drawn from the seed. */
  initFrom: string | null;
  /** `--checkpoint`: the file to evaluate; null when training. */
  checkpoint: string | null;
  /** `--log_every`: steps between rows of the metrics. */
  logEverySteps: number;
  /** `--tensorboard`: whether event files are written. */
  tensorboard: boolean;
  /** `--format`: how the result is written to stdout. */
  format: "text" | "json";
  /** `--trace_steps`: number of steps, from the first, that are written out whole. */
  traceSteps: number;
  /** `--trace_dir` */
  traceDir: string;
}

/** Where a value came from; "--option" when another option implies it. */
export type Origin =
  | "default"
  | "dataset"
  | "checkpoint"
  | "command line"
  | `preset ${string}`
  | `--${string}`;

/** Where each value of a configuration came from. */
export type Origins = Record<keyof RunConfig, Origin>;

/** What the machine tells the configuration. */
export interface Environment {
  /** The value of an environment variable. */
  variable(name: string): string | undefined;
  /** Whether a file or folder is there. */
  exists(path: string): boolean;
  /** Cores this process may use. */
  cores: number;
  /** This process's place among ranks that srun or torchrun started; none where it is started alone. */
  rankInfo?: Readonly<RankInfo>;
  /** NVIDIA GPUs this process sees; undefined where it is not this machine that will run. */
  gpus?(): number;
  /**
   * The configuration that a checkpoint was made with, for `eval`.
   *
   * @throws UserError (checkpoint) when the file is missing or damaged
   */
  checkpointConfig?(path: string): Readonly<Record<string, unknown>>;
}

/** This machine. What Deno's permissions hide is taken as absent. */
export function thisEnvironment(): Environment {
  const variable: Variable = (name) => quietly(() => Deno.env.get(name));
  const rankInfo = discoverRank(variable);
  return {
    variable,
    exists: (path) => quietly(() => Deno.statSync(path)) !== undefined,
    cores: coresOfRank(navigator.hardwareConcurrency, rankInfo, variable),
    gpus: visibleGpus,
    rankInfo,
  };
}

/** A command line, understood. */
export interface ParsedCommandLine {
  /** The resolved options. */
  config: RunConfig;
  /** Where each came from. */
  origins: Origins;
  /** What the user should be told before the run starts, one line each. */
  notes: string[];
}

/**
 * Resolves a command line. The command line wins over a preset, a preset (train) or the checkpoint's own
 * configuration (eval) over the data set's defaults. An option given twice counts as given last.
 *
 * @throws UserError for unknown options, values out of range and combinations that cannot run (usage), for
 * data that the site does not have (data), for a checkpoint of another architecture (checkpoint)
 */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
  environment: Environment,
): ParsedCommandLine {
  const line: CommandLine = {
    command: `deno task ${command}`,
    options: optionsOf(command),
    synonyms: SYNONYMS,
    elsewhere: (option) => adviceOn(command, option),
  };
  const given = readGiven(args, line).values as Partial<RunConfig>;
  if (command === "eval" && given.checkpoint === undefined) {
    throw usage("Cannot evaluate without a checkpoint: expected --checkpoint=FILE");
  }
  const preset = presetNamed(given.preset as string | undefined);
  const saved = typeof given.checkpoint === "string" && environment.checkpointConfig
    ? savedOptions(given.checkpoint, environment.checkpointConfig(given.checkpoint))
    : {};
  requireSameArchitecture(given, saved);

  const layers: [Origin, Partial<RunConfig>][] = [
    ["command line", given],
    [`preset ${given.preset}`, presetOptions(preset)],
    ["checkpoint", saved],
  ];
  const datasetName = layers.find(([, values]) => values.datasetName)?.[1].datasetName ??
    OPTIONS.datasetName.default;
  const values: Partial<Record<keyof RunConfig, OptionValue>> = {};
  const origins: Partial<Origins> = {};
  for (const field of FIELDS) {
    const layer = layers.find(([, values]) => values[field] !== undefined);
    if (layer) {
      values[field] = layer[1][field]!;
      origins[field] = layer[0];
      continue;
    }
    const fallback = optionOf(field).default;
    if (fallback === PER_DATASET) {
      values[field] = DATASET_DEFAULTS[datasetName][field as keyof Recipe];
      origins[field] = "dataset";
    } else {
      values[field] = fallback as OptionValue;
      origins[field] = "default";
    }
  }
  const config = values as RunConfig;
  const all = origins as Origins;
  if (config.hardware !== "cpu") requireGpusOf(config.hardware, environment);
  if (config.hardware === "multi-gpu") deriveGpuRanks(config, all, environment);
  scaleLearningRate(config, all, preset);
  if (config.protocol === "finetune") takeFineTuning(config, all);
  deriveDefaults(config, all, environment);
  requireSound(config, all);
  return { config, origins: all, notes: notesOn(config, environment) };
}

/** A command's options by field. */
function optionsOf(command: Command): ReadableTable {
  const specs = FIELDS.map((field) => [field, optionOf(field)] as const);
  return Object.fromEntries(specs.filter(([, { commands }]) => commands.includes(command)));
}

/** Advice on an option that only the other command takes. */
function adviceOn(command: Command, option: string): string | undefined {
  const spec = FIELDS.map(optionOf).find((spec) => spec.option === option);
  if (spec === undefined || spec.commands.includes(command)) return undefined;
  return option === "checkpoint"
    ? "to go on from a checkpoint, give --resume=FILE"
    : `it belongs to deno task ${spec.commands.join(", ")}`;
}

function presetNamed(name: string | undefined): Preset | undefined {
  return name === undefined ? undefined : PRESETS[name];
}

function presetOptions(preset: Preset | undefined): Partial<RunConfig> {
  return preset ? { datasetName: preset.datasetName, ...preset.recipe } : {};
}

/** A preset's learning rate follows the batch, unless the command line sets it. */
function scaleLearningRate(config: RunConfig, origins: Origins, preset?: Preset): void {
  if (preset?.learningRatePer256 === undefined) return;
  if (origins.learningRate === "command line") return;
  config.learningRate = preset.learningRatePer256 * config.batchSize / 256;
}

/** Fine-tuning has defaults of its own: what a checkpoint or a data set says is meant for a linear probe. */
function takeFineTuning(config: RunConfig, origins: Origins): void {
  const own = { ...FINE_TUNING[config.datasetName], probeAugment: true, probeSweep: false };
  for (const field of Object.keys(own) as (keyof typeof own)[]) {
    if (origins[field] === "command line") continue;
    Object.assign(config, { [field]: own[field] });
    origins[field] = "--protocol=finetune";
  }
}

/** What of a checkpoint's configuration an evaluation keeps, checked like a command line. */
function savedOptions(
  path: string,
  saved: Readonly<Record<string, unknown>>,
): Partial<RunConfig> {
  const kept: Partial<Record<keyof RunConfig, OptionValue>> = {};
  for (const field of FIELDS) {
    const spec = optionOf(field);
    const value = saved[field];
    if (!spec.fromCheckpoint || value === undefined) continue;
    if (value === null && spec.default === null) continue;
    const problem = problemOf(spec.value, value);
    if (problem) {
      throw new UserError(
        `Cannot use the checkpoint ${path}: its ${field} is ${
          JSON.stringify(value)
        }, expected ${problem}`,
        ExitCode.checkpoint,
      );
    }
    kept[field] = value as OptionValue;
  }
  return kept as Partial<RunConfig>;
}

/** A checkpoint has one architecture: an option that says another is a mistake, not a wish. */
function requireSameArchitecture(
  given: Partial<RunConfig>,
  saved: Partial<RunConfig>,
): void {
  for (const field of ["resnetType", "zDim", "hiddenDim"] as const) {
    const [asked, found] = [given[field], saved[field]];
    if (asked === undefined || found === undefined || asked === found) continue;
    const option = OPTIONS[field].option;
    throw new UserError(
      `Cannot evaluate ${given.checkpoint} with --${option}=${asked}: it was trained with ` +
        `--${option}=${found}, expected that or no --${option}`,
      ExitCode.checkpoint,
    );
  }
}

/** The defaults that follow from other options or from the machine. */
function deriveDefaults(config: RunConfig, origins: Origins, environment: Environment): void {
  if (config.datasetName === "imagenet" && origins.dataDir === "default") {
    config.dataDir = imagenetDir(environment);
    origins.dataDir = "dataset";
  }
  if (config.computer === "jeanzay") {
    if (origins.offline === "command line" && !config.offline) {
      throw usage("Cannot use --offline=false with --computer=jeanzay: it never downloads");
    }
    config.offline = true;
    if (origins.offline === "default") origins.offline = "--computer=jeanzay";
    if (origins.dataDir === "default" && config.datasetName === "cifar10") {
      config.dataDir = dataDirOnJeanZay(config.datasetName, environment);
      origins.dataDir = "--computer=jeanzay";
    }
  }
  if (origins.dataDir === "default" && config.datasetName !== "demo") {
    config.dataDir = `data/${config.datasetName}`;
    origins.dataDir = "dataset";
  }
  deriveRanks(config, origins, environment.rankInfo);
  if (origins.threads === "default") config.threads = environment.cores;
  if (origins.expeName === "default") {
    config.expeName = config.preset ?? `${config.datasetName}_${config.resnetType}`;
  }
  if (origins.runDir === "default") config.runDir = `runs/${config.expeName}`;
  if (origins.traceDir === "default") config.traceDir = `${config.runDir}/traces`;
}

function requireGpusOf(hardware: "mono-gpu" | "multi-gpu", environment: Environment): void {
  const { gpus, variable } = environment;
  if (gpus !== undefined) requireGpus(gpus(), hardware, variable);
}

/** A rank for each GPU: of this machine, or as srun or torchrun started them. */
function deriveGpuRanks(
  config: RunConfig,
  origins: Origins,
  { gpus: count, rankInfo = SINGLE_PROCESS }: Environment,
): void {
  if (count === undefined) return;
  const gpus = count();
  if (rankInfo.launcher !== "none") {
    gpuOf(rankInfo, gpus);
    return;
  }
  if (origins.ranks === "default") {
    config.ranks = gpus;
    origins.ranks = "--hardware=multi-gpu";
  }
  if (config.ranks > gpus) {
    throw usage(
      `Cannot use --ranks=${config.ranks} with --hardware=multi-gpu: ${gpus} GPUs are visible here, ` +
        "expected one for each rank",
    );
  }
}

/** How many ranks there are, and how many parts a step's batch is computed in. */
function deriveRanks(config: RunConfig, origins: Origins, rankInfo?: Readonly<RankInfo>): void {
  const started = rankInfo !== undefined && rankInfo.launcher !== "none"
    ? rankInfo.worldSize
    : undefined;
  if (started !== undefined) {
    if (origins.ranks === "command line" && config.ranks !== started) {
      throw usage(
        `Cannot use --ranks=${config.ranks} among the ${started} ranks that ${rankInfo?.launcher} started: ` +
          "expected that number, or no --ranks",
      );
    }
    config.ranks = started;
  }
  // An evaluation divides images among any number of ranks.
  if (config.checkpoint !== null) return;
  const { batchSize, ranks, maxBatchPerRank } = config;
  if (batchSize % ranks !== 0) {
    throw usage(
      `Cannot train with --batch_size=${batchSize} on ${ranks} ranks: expected a multiple of ${ranks}`,
    );
  }
  const share = batchSize / ranks;
  if (maxBatchPerRank !== null && origins.accumulateSteps === "default") {
    config.accumulateSteps = Math.ceil(share / maxBatchPerRank);
    while (share % config.accumulateSteps !== 0) config.accumulateSteps++;
    if (config.accumulateSteps > 1) origins.accumulateSteps = "--max_batch_per_rank";
  }
  const parts = config.accumulateSteps;
  if (share % parts !== 0) {
    throw usage(
      `Cannot train with --batch_size=${batchSize} on ${ranks} ranks in --accumulate_steps=${parts}: ` +
        `expected a multiple of ${ranks * parts}`,
    );
  }
  if (maxBatchPerRank !== null && share / parts > maxBatchPerRank) {
    throw usage(
      `Cannot keep to --max_batch_per_rank=${maxBatchPerRank} with --accumulate_steps=${parts}: a rank ` +
        `computes ${share / parts} images at once`,
    );
  }
}

/** Options that are fine alone and cannot run together. */
function requireSound(config: RunConfig, origins: Origins): void {
  if (config.datasetName === "demo" && origins.dataDir === "command line") {
    throw usage(
      `Cannot use --data_dir=${config.dataDir} with --dataset_name=demo, which is built in: ` +
        "expected --dataset_name=cifar10 with it",
    );
  }
  if (origins.traceDir === "command line" && config.traceSteps === 0) {
    throw usage(
      `Cannot use --trace_dir=${config.traceDir} without steps to write: ` +
        "expected --trace_steps=N with it",
    );
  }
  if (config.precision === "mixed" && config.dtype === "float64") {
    throw usage("Cannot use --precision=mixed with --dtype=float64: expected one of them");
  }
  if (config.precision === "mixed" && config.hardware === "cpu" && config.ampDtype === "fp16") {
    throw usage(
      "Cannot use --amp_dtype=fp16 with --hardware=cpu: processors compute in bf16, expected that or auto",
    );
  }
  if (config.hardware === "mono-gpu" && config.ranks > 1) {
    throw usage(
      `Cannot use --ranks=${config.ranks} with --hardware=mono-gpu: expected --hardware=multi-gpu`,
    );
  }
  if (
    config.checkpoint === null && config.resnetType === "resnet20" && stemOf(config) === "imagenet"
  ) {
    throw usage(
      `Cannot train --resnet_type=resnet20, which is for images of 32 pixels, on --dataset_name=${config.datasetName}: ` +
        "expected resnet18, 34, 50, 101 or 152",
    );
  }
  if (config.activationCheckpointing && config.bnViews === "separate" && config.ranks > 1) {
    throw usage(
      "Cannot use --activation_checkpointing with --bn_views=separate on several ranks, where a step " +
        "averages each gradient once: expected --bn_views=joint or one rank",
    );
  }
  if (config.protocol === "finetune") requireFineTuning(config);
  else if (config.probeSweep && config.probeAugment) {
    throw usage("Cannot use --clsf_lr_sweep without --clsf_augment=false: it trains many probes");
  }
  if (config.protocol === "knn" && config.saveProbe !== null) {
    throw usage(
      `Cannot use --save_probe=${config.saveProbe} with --protocol=knn, which has none: expected linear or finetune`,
    );
  }
  if (config.evalAtEnd && config.evalEveryEpochs === 0) {
    throw usage("Cannot use --eval_at_end with --clsf_every=0, which switches evaluation off");
  }
}

function requireFineTuning(config: RunConfig): void {
  if (config.ranks > 1) {
    throw usage(`Cannot use --ranks=${config.ranks} with --protocol=finetune: expected one rank`);
  }
  if (!config.probeAugment) {
    throw usage(
      "Cannot use --clsf_augment=false with --protocol=finetune: it trains on random crops and flips",
    );
  }
  if (config.probeBatchSize < 2) {
    throw usage(
      `Cannot use --batch_size_clsf=${config.probeBatchSize} with --protocol=finetune: expected at least 2, as batch ` +
        "statistics of one image are none",
    );
  }
}

function notesOn(config: RunConfig, environment: Environment): string[] {
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

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function usage(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}
