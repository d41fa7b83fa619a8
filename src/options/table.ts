/**
 * The one table of options: parsing, validation, `--help` and docs/options.md all come from it.
 *
 * Names are the reference program's where it has the option. The order is that of the help.
 *
 * @module
 */

import { LARGEST_COUNT } from "../base/option_values.ts";
import { PRESET_NAMES } from "../recipes/preset_views.ts";
import type { RunConfig } from "./config.ts";
import {
  type Command,
  type Option,
  PER_DATASET,
  type ValueOfOption,
  type WithSoundDefaults,
} from "./option.ts";

const BOTH: readonly Command[] = ["train", "eval"];
const TRAIN: readonly Command[] = ["train"];
const EVAL: readonly Command[] = ["eval"];

/** The largest seed: what a number of JavaScript and of JSON holds exactly. */
const LARGEST_SEED = Number.MAX_SAFE_INTEGER;

/** The table. */
export const OPTIONS = {
  datasetName: {
    option: "dataset_name",
    group: "Data",
    commands: BOTH,
    value: { kind: "choice", choices: ["demo", "cifar10", "imagenet", "folder"] },
    default: "demo",
    fromCheckpoint: true,
    help:
      "The images. demo is built in: 10 classes of small shapes and textures; folder is anybody's " +
      "JPEG and PNG files, treated as ImageNet's (docs/imagenet.md)",
  },
  dataDir: {
    option: "data_dir",
    group: "Data",
    commands: BOTH,
    value: { kind: "path" },
    default: null,
    defaultText: "data/<dataset_name>; with --computer=jeanzay, a folder below $DSDIR",
    changeable: true,
    help: "Where the images are, or are to be downloaded to: for cifar10 the official binary or " +
      "python files, their folder, or either .tar.gz; for imagenet and folder a folder of class " +
      "folders, below train/ and val/ where there are such",
  },
  imageSize: {
    option: "image_size",
    group: "Data",
    commands: BOTH,
    // What the views' recipes allow.
    value: { kind: "integer", least: 8, most: 4096 },
    default: null,
    defaultText: "224, and 32 for demo and cifar10, or the preset's",
    fromCheckpoint: true,
    help: "Side of the views in pixels, in training and evaluation; blur kernel and the resize " +
      "before the central crop follow",
  },
  stageTo: {
    option: "stage_to",
    group: "Data",
    commands: BOTH,
    value: { kind: "path" },
    default: null,
    defaultText: "none: read where it is",
    changeable: true,
    help:
      "Copy packed shards (deno task pack) to this folder first, on a disk of the node or in /dev/shm; " +
      "what is there already is not copied again",
  },
  maxBadFraction: {
    option: "max_bad_fraction",
    group: "Data",
    commands: BOTH,
    value: { kind: "number", least: 0, most: 1 },
    default: 0.0001,
    changeable: true,
    help: "Share of the image files that may be unusable: those are skipped and listed in " +
      "<run_dir>/bad_files.json; more of them end the run",
  },
  allowUnverifiedData: {
    option: "allow_unverified_data",
    group: "Data",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Take data whose MD5 is not the published one, with a warning that stays in the run's " +
      "record",
  },
  limitTrain: {
    option: "limit_train",
    group: "Data",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: null,
    defaultText: "all",
    fromCheckpoint: true,
    help: "Use the first so many training images only, for short experiments",
  },
  offline: {
    option: "offline",
    group: "Data",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Never touch the network; what is missing is an error that says what to fetch where. " +
      "Implied by --computer=jeanzay",
  },

  preset: {
    option: "preset",
    group: "Training",
    commands: TRAIN,
    value: { kind: "choice", choices: PRESET_NAMES },
    default: null,
    defaultText: "none",
    help: "A complete recipe by name; options given beside it win",
  },

  resnetType: {
    option: "resnet_type",
    group: "Network",
    commands: BOTH,
    value: {
      kind: "choice",
      choices: ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet20"],
    },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "The encoder. resnet20 is the small network of He et al. 2015, section 4.2; the others " +
      "have a 3×3 stem without pooling on 32-pixel images",
  },
  hiddenDim: {
    option: "hidden_dim",
    group: "Network",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Width of the hidden layer of projector and predictor",
  },
  zDim: {
    option: "z_dim",
    group: "Network",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Width of a projection",
  },
  bnViews: {
    option: "bn_views",
    group: "Network",
    commands: TRAIN,
    value: { kind: "choice", choices: ["joint", "separate"] },
    default: PER_DATASET,
    help:
      "Batch statistics: joint over both views in one pass, as the reference program does, or " +
      "separate, a pass for each, as DeepMind's does",
  },

  syncBn: {
    option: "sync_bn",
    group: "Network",
    commands: TRAIN,
    value: { kind: "flag" },
    default: true,
    help:
      "On several ranks, batch statistics over the images of all of them, forward and backward; " +
      "--sync_bn=false: each rank's own",
  },

  epochs: {
    option: "nb_epochs",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: PER_DATASET,
    help: "Passes over the training images",
  },
  warmupEpochs: {
    option: "nb_epochs_warmup",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    help: "Epochs over which the learning rate rises from 0, step by step; then a cosine to 0",
  },
  batchSize: {
    option: "batch_size",
    group: "Training",
    commands: TRAIN,
    // Batch normalisation of one value is undefined.
    value: { kind: "integer", least: 2, most: LARGEST_COUNT },
    default: PER_DATASET,
    help: "Images per step, over all ranks; the incomplete last batch of an epoch is dropped",
  },
  accumulateSteps: {
    option: "accumulate_steps",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: 1,
    defaultText: "1, or what --max_batch_per_rank needs",
    changeable: true,
    help:
      "Parts that each step's batch is computed in, one after the other, where it does not fit into " +
      "memory; batch statistics are those of a part",
  },
  maxBatchPerRank: {
    option: "max_batch_per_rank",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: null,
    defaultText: "no limit",
    changeable: true,
    help:
      "Most images that a rank computes at once: sets --accumulate_steps to the least that keeps to it",
  },
  learningRate: {
    option: "lr_init",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", above: 0 },
    default: PER_DATASET,
    help:
      "Learning rate after the warm-up, used as given: it does not follow the batch (but that " +
      "of DeepMind's presets does)",
  },
  momentum: {
    option: "momentum",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", least: 0, below: 1 },
    default: PER_DATASET,
    help: "Momentum of LARS",
  },
  weightDecay: {
    option: "weight_decay",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", least: 0 },
    default: PER_DATASET,
    help: "Weight decay of LARS; biases and batch normalisation are exempt",
  },
  eta: {
    option: "eta",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", above: 0 },
    default: PER_DATASET,
    help: "Trust coefficient of LARS",
  },
  larsVariant: {
    option: "lars_variant",
    group: "Training",
    commands: TRAIN,
    value: { kind: "choice", choices: ["reference", "deepmind"] },
    default: PER_DATASET,
    help: "Whether the learning rate enters the momentum buffer (reference) or is applied last " +
      "(deepmind)",
  },
  tauBase: {
    option: "tau_base",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", least: 0, most: 1 },
    default: PER_DATASET,
    help: "Decay of the target's moving average at the first step; it rises to 1 by a cosine",
  },
  augSchedule: {
    option: "aug_schedule",
    group: "Training",
    commands: TRAIN,
    value: { kind: "path" },
    default: null,
    defaultText: "none: constant, as published",
    // What it says is compared, not its name (run/record.ts).
    changeable: true,
    help: "A JSON file that changes the augmentations, or moves them over time " +
      "(src/recipes/view_schedule.ts has the format)",
  },
  maxSteps: {
    option: "max_steps",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: null,
    defaultText: "the whole run",
    changeable: true,
    help: "Stop after so many steps. The schedules stay those of the whole run, and the final " +
      "evaluation is left out unless --eval_at_end",
  },
  seed: {
    option: "seed",
    group: "Training",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: LARGEST_SEED },
    default: 0,
    fromCheckpoint: true,
    help: "Decides initial weights, order of the images, and views. Same seed, machine type and " +
      "--threads: same bits",
  },

  evalEveryEpochs: {
    option: "clsf_every",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    changeable: true,
    help: "Epochs between evaluations (linear probe and k-nearest-neighbour); also before the " +
      "first epoch and after the last. 0: none at all",
  },
  evalAtEnd: {
    option: "eval_at_end",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Evaluate at the end of a run cut short by --max_steps too",
  },
  onlineProbe: {
    option: "online_probe",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "flag" },
    default: true,
    // Runs had none.
    before: false,
    changeable: true,
    help:
      "A linear probe learns beside the encoder from the embeddings of view 1 and changes nothing of it: " +
      "probe_loss and probe_top1 in the metrics",
  },
  probeEpochs: {
    option: "nb_epochs_clsf",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Epochs of the linear probe",
  },
  probeBatchSize: {
    option: "batch_size_clsf",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Images per step of the linear probe",
  },
  probeLearningRate: {
    option: "lr_init_clsf",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "number", above: 0 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Learning rate of the probe at its first step; a cosine takes it to 0.0001",
  },
  probeMomentum: {
    option: "momentum_clsf",
    group: "Evaluation",
    commands: BOTH,
    // Nesterov's momentum needs one.
    value: { kind: "number", above: 0, below: 1 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Nesterov momentum of the probe",
  },
  probeWeightDecay: {
    option: "weight_decay_clsf",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "number", least: 0 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Weight decay of the probe",
  },
  probeAugment: {
    option: "clsf_augment",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "flag" },
    default: true,
    fromCheckpoint: true,
    help:
      "The probe trains on random crops and flips, drawn anew each epoch, as the reference program's does. " +
      "Off: each image passes the encoder once, as a central crop",
  },
  probeSweep: {
    option: "clsf_lr_sweep",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    fromCheckpoint: true,
    help:
      "Choose the probe's learning rate on a tenth of the training images, then train on all; the " +
      "result says which. With --protocol=linear it needs --clsf_augment=false",
  },
  protocol: {
    option: "protocol",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "choice", choices: ["linear", "finetune", "knn"] },
    default: "linear",
    changeable: true,
    help:
      "linear: a linear probe on the frozen encoder, and nearest neighbours; finetune: encoder and classifier trained " +
      "together, by the options of the probe, which have defaults of their own then (docs/evaluation.md); knn: nearest " +
      "neighbours alone",
  },
  labelFraction: {
    option: "label_fraction",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "integer", least: 1, most: 100 },
    default: 100,
    changeable: true,
    help:
      "Percent of the training images that are learnt from, as many of each class, drawn by --seed: 1 and 10 are usual",
  },
  saveProbe: {
    option: "save_probe",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "path" },
    default: null,
    defaultText: "none",
    changeable: true,
    help:
      "Write the final probe as safetensors: weight, bias, and the classes' names as metadata. With " +
      "--protocol=finetune the whole network, under torchvision's names",
  },
  checkpoint: {
    option: "checkpoint",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "path" },
    default: null,
    defaultText: "required",
    changeable: true,
    help:
      "The file to evaluate: a checkpoint of a run, an encoder, or weights of torchvision or of the " +
      "reference program, as .pt or safetensors; told by content",
  },

  computer: {
    option: "computer",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["jeanzay", "other"] },
    default: "other",
    changeable: true,
    help: "jeanzay: data below $DSDIR, never a download, and messages that name its disks",
  },
  hardware: {
    option: "hardware",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["cpu", "mono-gpu", "multi-gpu"] },
    default: "cpu",
    changeable: true,
    help: "What computes: the processor, one GPU, or a rank on each GPU",
  },
  precision: {
    option: "precision",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["mixed", "normal"] },
    default: "normal",
    help:
      "mixed multiplies in 16 bits (--amp_dtype) and keeps everything else in float32; normal computes in " +
      "--dtype throughout",
  },
  ampDtype: {
    option: "amp_dtype",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["auto", "bf16", "fp16"] },
    default: "auto",
    help:
      "What --precision=mixed multiplies in; fp16 scales the loss and skips steps that overflow. auto is bf16 " +
      "where the hardware has it, else fp16",
  },
  tf32: {
    option: "tf32",
    group: "Machine",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    help:
      "Lets a GPU round the inputs of float32 products to TF32: faster, with 10 bits of each mantissa",
  },
  cudaGraph: {
    option: "cuda_graph",
    group: "Machine",
    commands: ["train"],
    value: { kind: "flag" },
    default: true,
    help:
      "Records a step on one GPU as a CUDA graph and replays it, which spares the processor's work of enqueuing it",
  },
  activationCheckpointing: {
    option: "activation_checkpointing",
    group: "Machine",
    commands: ["train"],
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help:
      "Keeps of each residual block its input alone and computes the rest again for the backward pass: less memory, " +
      "about a quarter more work; the numbers stay the same",
  },
  deterministic: {
    option: "deterministic",
    group: "Machine",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Makes a GPU sum in the same order each time, which is slower; a processor always does",
  },
  dtype: {
    option: "dtype",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["float32", "float64"] },
    default: "float32",
    fromCheckpoint: true,
    help: "Type of all numbers; float64 is for checks against other programs",
  },
  nbWorkers: {
    option: "nb_workers",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: 1024 },
    default: 10,
    changeable: true,
    help: "Threads that prepare images, 256 at most; 0 or 1: one. Changes no result",
  },
  prefetch: {
    option: "prefetch",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: 64 },
    default: 2,
    changeable: true,
    help:
      "Batches of imagenet or folder that may be made ahead; with the one in use they bound the " +
      "memory. Changes no result",
  },
  threads: {
    option: "threads",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 1024 },
    default: 1,
    defaultText: "the cores this process may use",
    changeable: true,
    help: "Threads that compute. Recorded, as sums in another order are other bits",
  },

  ranks: {
    option: "ranks",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: 1,
    defaultText: "those that srun or torchrun started; else the GPUs of multi-gpu, or 1",
    changeable: true,
    help:
      "Processes that train or evaluate together. Started here, with their output prefixed, unless srun or torchrun " +
      "has started them",
  },
  initTimeout: {
    option: "init_timeout",
    group: "Machine",
    commands: BOTH,
    value: { kind: "number", above: 0, most: 86400 },
    default: 300,
    changeable: true,
    help: "Seconds for all ranks to come together",
  },
  stepTimeout: {
    option: "step_timeout",
    group: "Machine",
    commands: BOTH,
    value: { kind: "number", above: 0, most: 86400 },
    default: 100,
    changeable: true,
    help: "Seconds that a rank waits for another within a step before it gives up and names it",
  },

  config: {
    option: "config",
    group: "Run",
    commands: BOTH,
    value: { kind: "path" },
    default: null,
    defaultText: "none",
    changeable: true,
    help:
      "A JSON file of options by name, or the config.json of a run, of which it takes the options that the user " +
      "gave. The command line wins over the file, the file over a preset",
  },
  expeName: {
    option: "expe_name",
    group: "Run",
    commands: TRAIN,
    value: { kind: "name" },
    default: "",
    defaultText:
      "the preset, or <dataset_name>_<resnet_type>; with --data_dir of a folder, its name beside",
    changeable: true,
    help: "Name of the experiment",
  },
  runDir: {
    option: "run_dir",
    group: "Run",
    commands: TRAIN,
    value: { kind: "path" },
    default: "",
    defaultText: "runs/<expe_name>",
    changeable: true,
    help: "Folder of the run: config.json, metrics.jsonl, checkpoints/",
  },
  saveEveryEpochs: {
    option: "save_every",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    changeable: true,
    help:
      "Epochs between the checkpoints that are kept for good; beside them the two newest stay, and " +
      "one is always written at the end. 0: none by the epoch",
  },
  saveEveryMinutes: {
    option: "save_every_minutes",
    group: "Run",
    commands: TRAIN,
    value: { kind: "number", least: 0 },
    default: 15,
    changeable: true,
    help: "Minutes between checkpoints: what a killed run loses at most. 0: none by the clock",
  },
  saveEverySteps: {
    option: "save_every_steps",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: 0,
    changeable: true,
    help: "Steps between checkpoints. 0: none by the step",
  },
  onSaveError: {
    option: "on_save_error",
    group: "Run",
    commands: TRAIN,
    value: { kind: "choice", choices: ["stop", "continue"] },
    default: "stop",
    changeable: true,
    help: "What a checkpoint or a row that cannot be written does to the run, as on a full disk: " +
      "stop it, or let it continue with a warning and try again at the next one",
  },
  stopOnCollapse: {
    option: "stop_on_collapse",
    group: "Run",
    commands: TRAIN,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "End the run with exit code 7 when the embeddings have collapsed; else that is a warning",
  },
  collapseBelow: {
    option: "collapse_below",
    group: "Run",
    commands: TRAIN,
    value: { kind: "number", least: 0, most: 1 },
    default: 0.1,
    changeable: true,
    help: "Embeddings count as collapsed while embedding_std is below this share of 1/√z_dim, " +
      "which is its value when they spread over the whole sphere",
  },
  collapseRows: {
    option: "collapse_rows",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: 20,
    changeable: true,
    help: "Logged steps in a row for which they have to be, before it is said",
  },
  resume: {
    option: "resume",
    group: "Run",
    commands: TRAIN,
    value: { kind: "path", words: ["auto", "never"] },
    default: "auto",
    changeable: true,
    help:
      "auto: resume from the run folder's last checkpoint, if there is one; never: start anew, in a folder that holds no run; " +
      "or the checkpoint to resume from",
  },
  initFrom: {
    option: "init_from",
    group: "Run",
    commands: TRAIN,
    value: { kind: "path" },
    default: null,
    defaultText: "weights drawn from the seed",
    help:
      "The file whose encoder a new run begins with, online and target: what --checkpoint of eval takes. " +
      "A resumed run does not read it again",
  },
  logEverySteps: {
    option: "log_every",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: 10,
    changeable: true,
    help: "Steps between rows of metrics.jsonl",
  },
  tensorboard: {
    option: "tensorboard",
    group: "Run",
    commands: TRAIN,
    value: { kind: "flag" },
    default: true,
    changeable: true,
    help: "Write TensorBoard's event files into the run folder, beside metrics.jsonl",
  },
  format: {
    option: "format",
    group: "Run",
    commands: BOTH,
    value: { kind: "choice", choices: ["text", "json"] },
    default: "text",
    changeable: true,
    help: "What stdout gets: a table, or one JSON object. Progress goes to stderr",
  },

  traceSteps: {
    option: "trace_steps",
    group: "Checks",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: 0,
    changeable: true,
    help:
      "Write the first steps whole, one safetensors file each, for anyone to recompute. Use a " +
      "small --hidden_dim: a step of resnet18 has 443 MB at 4096",
  },
  traceDir: {
    option: "trace_dir",
    group: "Checks",
    commands: TRAIN,
    value: { kind: "path" },
    default: "",
    defaultText: "<run_dir>/traces",
    changeable: true,
    help: "Where the traced steps go",
  },
} as const satisfies Readonly<Record<string, Option>>;

type Table = typeof OPTIONS;

/**
 * The configuration that the table describes.
 *
 * @internal
 */
export type ConfigOfTable = { -readonly [Field in keyof Table]: ValueOfOption<Table[Field]> };

/**
 * The part of the configuration whose defaults each data set has for itself.
 *
 * @internal
 */
export type RecipeOfTable = {
  -readonly [
    Field in keyof Table as Table[Field]["default"] extends typeof PER_DATASET ? Field : never
  ]: ValueOfOption<Table[Field]>;
};

/** The fields of a configuration, in the table's order. */
export const FIELDS = Object.keys(
  OPTIONS satisfies WithSoundDefaults<Table>,
) as (keyof RunConfig)[];

/** An option by its field. */
export function optionOf(field: keyof RunConfig): Option {
  return OPTIONS[field];
}
