/**
 * The table of the options of `train` and `eval`, from which parsing, validation, `--help` and docs/options.md follow.
 *
 * An option of the reference program keeps its name. The order is that of the help.
 *
 * @module
 */

import { SMALL_SIDE, STEMS } from "../recipes/stem.ts";
import { NEIGHBOURS_PATTERN } from "../recipes/neighbours.ts";
import { NORMALISATION_PATTERN } from "../recipes/normalisation.ts";
import { DURATION } from "../base/duration.ts";
import { LARGEST_COUNT } from "../base/option_values.ts";
import { HOLD_OUT_VALUES } from "../recipes/hold_out.ts";
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

/** The largest seed: the largest whole number that JavaScript and JSON hold exactly. */
const LARGEST_SEED = Number.MAX_SAFE_INTEGER;

/** The options by their fields in RunConfig. */
export const OPTIONS = {
  datasetName: {
    option: "dataset_name",
    group: "Data",
    commands: BOTH,
    value: { kind: "choice", choices: ["demo", "cifar10", "cifar100", "imagenet", "folder"] },
    default: "demo",
    fromCheckpoint: true,
    help:
      "Data set. demo is built in: 10 classes of small shapes and textures. folder is any folder of " +
      "images (JPEG, PNG, TIFF, WebP, BMP, PPM, PGM), with a recipe by their number and size (docs/imagenet.md)",
  },
  dataDir: {
    option: "data_dir",
    group: "Data",
    commands: BOTH,
    value: { kind: "path" },
    default: null,
    defaultText:
      "data/<dataset_name>; with --computer=jeanzay, a folder below $DSDIR; of an evaluation, the run's",
    changeable: true,
    help:
      "Folder of the images, or of their download. cifar10 and cifar100: the official binary or python files, " +
      "their folder, or either .tar.gz. imagenet and folder: a folder with train/ and val/ of class " +
      "folders, one folder of images to train on, or a list of files (.csv or .jsonl, docs/imagenet.md)",
  },
  imageSize: {
    option: "image_size",
    group: "Data",
    commands: BOTH,
    // The range that the views' recipes allow.
    value: { kind: "integer", least: 8, most: 4096 },
    default: null,
    defaultText:
      "the preset's; otherwise 32 for demo, cifar10 and cifar100, 224 for imagenet, by the images for folder",
    fromCheckpoint: true,
    help:
      "Side of the views in pixels, in training and evaluation. The blur kernel and the resize " +
      "before the center crop scale with it",
  },
  normalisation: {
    option: "normalisation",
    group: "Data",
    commands: BOTH,
    value: {
      kind: "text",
      pattern: NORMALISATION_PATTERN,
      expected: "imagenet, cifar, data, or what data has measured (data:…)",
      placeholder: "NAME",
    },
    default: null,
    defaultText: "imagenet for photos, cifar for the other data sets",
    before: null,
    sparse: true,
    fromCheckpoint: true,
    help:
      "Mean and standard deviation of the channels: ImageNet's, CIFAR-10's, or those of the training images, which " +
      "data measures once. With data, images of 16 bits keep all their values, stretched from the least to the " +
      "largest (docs/imagenet.md); a run stores what was measured, and evaluations use it",
  },
  stageTo: {
    option: "stage_to",
    group: "Data",
    commands: BOTH,
    value: { kind: "path" },
    default: null,
    defaultText: "none: no copy",
    changeable: true,
    help:
      "Folder that packed shards (deno task pack) are copied to before the run, such as a local disk of the " +
      "node or /dev/shm. Existing copies are used again",
  },
  maxBadFraction: {
    option: "max_bad_fraction",
    group: "Data",
    commands: BOTH,
    value: { kind: "number", least: 0, most: 1 },
    default: null,
    defaultText: "imagenet 1e-4, folder the larger of 1 % and 8 files, at most a tenth",
    changeable: true,
    help:
      "Largest share of image files that may be unusable, from 0 to 1, of the training and of the test images each. " +
      "Unusable files are skipped and listed in <run_dir>/bad_files.json, by eval and embed in FILE.bad_files.json " +
      "beside the checkpoint or the output; a larger share ends the command",
  },
  allowUnverifiedData: {
    option: "allow_unverified_data",
    group: "Data",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help:
      "Accept data whose MD5 differs from the published one, with a warning that is kept in the " +
      "run's record",
  },
  limitTrain: {
    option: "limit_train",
    group: "Data",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: null,
    defaultText: "all",
    fromCheckpoint: true,
    help:
      "Number of training images, for short experiments. cifar10, cifar100 and demo: the first ones. imagenet and folder: the " +
      "same share of each class, of a class the images whose paths have the smallest SHA-256. eval keeps a " +
      "checkpoint's number only for the images that it was trained on",
  },
  holdOut: {
    option: "hold_out",
    group: "Data",
    commands: BOTH,
    value: HOLD_OUT_VALUES,
    default: null,
    defaultText: "none",
    fromCheckpoint: true,
    help:
      "Training images that neither encoder nor probe learns from, and that both are tested on: held-out accuracies, " +
      "beside those on test images where there are any. cifar10, cifar100 and demo: the last N or P % of the images. imagenet and " +
      "folder: P % of each class, of paths with the smallest SHA-256, whatever --seed. eval keeps a checkpoint's value",
  },
  offline: {
    option: "offline",
    group: "Data",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help:
      "Never use the network. Missing data is an error that names the file to download by hand. " +
      "Implied by --computer=jeanzay",
  },

  preset: {
    option: "preset",
    group: "Training",
    commands: TRAIN,
    value: { kind: "choice", choices: PRESET_NAMES },
    default: null,
    defaultText: "none",
    help: "Complete recipe by name. Options on the command line take precedence over the preset",
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
    help:
      "Encoder. resnet20 is the small network of He et al. 2015, section 4.2, for images of at most 64 pixels",
  },
  stem: {
    option: "stem",
    group: "Network",
    commands: BOTH,
    value: { kind: "choice", choices: STEMS },
    default: "auto",
    before: "auto",
    sparse: true,
    fromCheckpoint: true,
    help:
      "First layers of the encoder. cifar: a 3×3 convolution, for small images. imagenet: torchvision's 7×7 " +
      "convolution and pooling, which divide the side by 4. auto: imagenet for photos, cifar for a folder whose " +
      `views have at most ${SMALL_SIDE} pixels and for the other data sets`,
  },
  hiddenDim: {
    option: "hidden_dim",
    group: "Network",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Width of the hidden layer of the projector and the predictor",
  },
  zDim: {
    option: "z_dim",
    group: "Network",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: PER_DATASET,
    fromCheckpoint: true,
    help: "Length of a projection and of a prediction",
  },
  heads: {
    option: "heads",
    group: "Network",
    commands: TRAIN,
    value: { kind: "choice", choices: ["reference", "deepmind"] },
    default: PER_DATASET,
    // Earlier versions had no other.
    before: "reference",
    sparse: true,
    help:
      "Linear layer of projector and predictor that has a bias: the second, as in the reference program, or the first, " +
      "as in DeepMind's program",
  },
  bnViews: {
    option: "bn_views",
    group: "Network",
    commands: TRAIN,
    value: { kind: "choice", choices: ["joint", "separate"] },
    default: PER_DATASET,
    help:
      "Batch statistics. joint: over both views in one pass, as in the reference program. separate: " +
      "over each view in a pass of its own, as in DeepMind's program",
  },

  syncBn: {
    option: "sync_bn",
    group: "Network",
    commands: TRAIN,
    value: { kind: "flag" },
    default: true,
    help: "Compute batch statistics over the images of all ranks, forward and backward. " +
      "--sync_bn=false: over the images of each rank",
  },

  epochs: {
    option: "nb_epochs",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: PER_DATASET,
    help: "Epochs of the training",
  },
  warmupEpochs: {
    option: "nb_epochs_warmup",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    help:
      "Epochs of the warm-up, in which the learning rate rises linearly from 0. A cosine to 0 " +
      "follows",
  },
  timeBudget: {
    option: "time_budget",
    group: "Training",
    commands: TRAIN,
    value: DURATION,
    default: null,
    defaultText: "none: --nb_epochs decides",
    help:
      "Time of the whole run, such as 90s, 10m or 2h. The run measures its speed, and chooses the epochs and the " +
      "warm-up so that all schedules end within that time, with start, evaluations and saving " +
      "(docs/recipes.md)",
  },
  batchSize: {
    option: "batch_size",
    group: "Training",
    commands: TRAIN,
    // Batch normalisation of one value is undefined.
    value: { kind: "integer", least: 2, most: LARGEST_COUNT },
    default: PER_DATASET,
    help: "Images per step, over all ranks. The incomplete last batch of an epoch is dropped",
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
      "Micro-batches of a step, which are computed one after the other, for a batch that does not fit into " +
      "memory. Batch statistics are over a micro-batch",
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
      "Largest number of images that a rank computes at once. Sets --accumulate_steps to the least value " +
      "that keeps to it. With --rotation_weight an image counts one and a half times, as its rotations have the " +
      "pixels of a third view",
  },
  learningRate: {
    option: "lr_init",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", above: 0 },
    default: PER_DATASET,
    help:
      "Learning rate at the end of the warm-up, used as given: it does not scale with the batch, except in " +
      "DeepMind's presets",
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
    help: "Weight decay of LARS. Biases and batch normalisation are exempt",
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
    value: { kind: "choice", choices: ["reference", "deepmind", "clipped"] },
    default: PER_DATASET,
    help:
      "Form of LARS: the learning rate scales the gradient before the momentum (reference), or the " +
      "update after it (deepmind, clipped). clipped: the adapted rate is at most the learning rate, as in solo-learn",
  },
  tauBase: {
    option: "tau_base",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", least: 0, most: 1 },
    default: PER_DATASET,
    help:
      "Decay τ of the target's moving average at the first step. A cosine leads from there to 1",
  },
  rotationWeight: {
    option: "rotation_weight",
    group: "Training",
    commands: TRAIN,
    value: { kind: "number", least: 0 },
    default: 0,
    before: 0,
    sparse: true,
    help:
      "Weight of the rotation auxiliary (E-SSL): a head on the embedding tells the four rotations of a third, half as " +
      "large view apart, and its cross-entropy is added to the loss (docs/recipes.md). 0: none",
  },
  augSchedule: {
    option: "aug_schedule",
    group: "Training",
    commands: TRAIN,
    value: { kind: "path" },
    default: null,
    defaultText: "none: constant, as published",
    // A resumed run compares the contents of the file, not its name (run/record.ts).
    changeable: true,
    help: "JSON file that changes the augmentations, or moves them over time " +
      "(docs/recipes.md describes the file)",
  },
  maxSteps: {
    option: "max_steps",
    group: "Training",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: null,
    defaultText: "the whole run",
    changeable: true,
    help: "Step to stop before. The schedules stay those of the whole run, and there is no final " +
      "evaluation without --eval_at_end",
  },
  seed: {
    option: "seed",
    group: "Training",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: LARGEST_SEED },
    default: 0,
    fromCheckpoint: true,
    help:
      "Seed of the initial weights, the order of the images, and the views. The same seed, type " +
      "of machine and --threads give the same bits",
  },

  evalEveryEpochs: {
    option: "clsf_every",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    changeable: true,
    help:
      "Epochs between evaluations (linear probe and k-NN), which are also made before the first " +
      "epoch and after the last. 0: no evaluations",
  },
  evalAtEnd: {
    option: "eval_at_end",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Evaluate at the end of a run that --max_steps cuts short",
  },
  onlineProbe: {
    option: "online_probe",
    group: "Evaluation",
    commands: TRAIN,
    value: { kind: "flag" },
    default: true,
    // Runs of earlier versions had no online probe.
    before: false,
    changeable: true,
    help:
      "Train a linear probe on the embeddings of view 1 beside the encoder, without any effect on the encoder: " +
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
    help: "Learning rate of the probe at its first step. A cosine leads from there to 0.0001",
  },
  probeMomentum: {
    option: "momentum_clsf",
    group: "Evaluation",
    commands: BOTH,
    // PyTorch's Nesterov momentum must be above 0.
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
    defaultText: "true; false for folder without a preset",
    fromCheckpoint: true,
    help:
      "Train the probe on random crops and flips, drawn anew in each epoch, as in the reference program. " +
      "Off: on center crops, which pass the encoder once",
  },
  probeSweep: {
    option: "clsf_lr_sweep",
    group: "Evaluation",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    fromCheckpoint: true,
    help:
      "Choose the probe's learning rate on a held-out tenth of the training images, then train on all; the " +
      "result names the rate. --protocol=linear needs --clsf_augment=false with it",
  },
  protocol: {
    option: "protocol",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "choice", choices: ["linear", "clipped", "logreg", "finetune", "knn"] },
    default: "linear",
    changeable: true,
    help:
      "linear: a linear probe on the frozen encoder, and k-NN. clipped: a probe with pre-training's views and clipped " +
      "logits (BYOL, C.1). logreg: logistic regression on frozen features, for " +
      "transfer (BYOL, D.2). finetune: encoder and classifier are trained together, by the options of the probe, with " +
      "other defaults (docs/evaluation.md). knn: k-NN alone",
  },
  knn: {
    option: "knn",
    group: "Evaluation",
    commands: EVAL,
    value: {
      kind: "text",
      pattern: NEIGHBOURS_PATTERN,
      expected: "K or K,T, such as 20,0.07; several with colons: 20,0.07:200",
      placeholder: "K[,T]",
    },
    default: null,
    defaultText: "200,0.1",
    changeable: true,
    help:
      "Number of neighbours of the k-NN classifier, and the temperature of their weights; several, with colons, " +
      "give a figure each: --knn=20,0.07:200,0.1",
  },
  labelFraction: {
    option: "label_fraction",
    group: "Evaluation",
    commands: EVAL,
    value: { kind: "integer", least: 1, most: 100 },
    default: 100,
    changeable: true,
    help:
      "Percentage of the training images to learn from, equally many of each class, drawn by --seed. " +
      "1 and 10 are usual",
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
      "File for the final probe as safetensors: weight, bias, and the classes' names as metadata. With " +
      "--protocol=finetune it holds the whole network by torchvision's names",
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
      "File to evaluate: a checkpoint or encoder of a run, or weights of torchvision or of the reference " +
      "program, as .pt or safetensors. The kind is recognised by the content. The folder of a run stands for its " +
      "newest checkpoint",
  },

  computer: {
    option: "computer",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["jeanzay", "other"] },
    default: "other",
    changeable: true,
    help: "jeanzay: data in $DSDIR, no downloads, and messages that name Jean Zay's disks",
  },
  hardware: {
    option: "hardware",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["cpu", "mono-gpu", "multi-gpu"] },
    default: "cpu",
    changeable: true,
    help: "Device: the CPU, one GPU, or a GPU for each rank",
  },
  precision: {
    option: "precision",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["mixed", "normal"] },
    default: "normal",
    help:
      "mixed: products in 16 bits (--amp_dtype), everything else in float32. normal: --dtype throughout",
  },
  ampDtype: {
    option: "amp_dtype",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["auto", "bf16", "fp16"] },
    default: "auto",
    help:
      "16-bit type of --precision=mixed. fp16 scales the loss and skips steps that overflow. auto: bf16 where " +
      "the hardware computes with it, fp16 elsewhere",
  },
  tf32: {
    option: "tf32",
    group: "Machine",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    help:
      "Let a GPU round the inputs of float32 products to TF32, which is faster, and keeps 10 bits of each mantissa",
  },
  cudaGraph: {
    option: "cuda_graph",
    group: "Machine",
    commands: ["train"],
    value: { kind: "flag" },
    default: true,
    help:
      "Record a step on one GPU as a CUDA graph and replay it, which saves the CPU the time to launch its kernels",
  },
  activationCheckpointing: {
    option: "activation_checkpointing",
    group: "Machine",
    commands: ["train"],
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help:
      "Keep only the input of each residual block, and compute the rest again in the backward pass: less memory for " +
      "about a quarter more work, with the same results",
  },
  deterministic: {
    option: "deterministic",
    group: "Machine",
    commands: BOTH,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "Make a GPU sum in the same order each time, which is slower. A CPU always does",
  },
  dtype: {
    option: "dtype",
    group: "Machine",
    commands: BOTH,
    value: { kind: "choice", choices: ["float32", "float64"] },
    default: "float32",
    fromCheckpoint: true,
    help: "Type of all numbers. float64 is for checks against other programs",
  },
  nbWorkers: {
    option: "nb_workers",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: 1024 },
    default: 10,
    changeable: true,
    help:
      "Threads that prepare images; 0 counts as 1, and more than 256 as 256. No result depends on it",
  },
  prefetch: {
    option: "prefetch",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 0, most: 64 },
    default: 2,
    changeable: true,
    help:
      "Batches of imagenet or folder that may be prepared ahead. Memory grows with their number. No result " +
      "depends on it",
  },
  threads: {
    option: "threads",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 1024 },
    default: 1,
    defaultText: "the cores this process may use",
    changeable: true,
    help:
      "Threads of tensor operations. Another number changes the order of sums, and the last bits of results",
  },

  ranks: {
    option: "ranks",
    group: "Machine",
    commands: BOTH,
    value: { kind: "integer", least: 1, most: 65536 },
    default: 1,
    defaultText:
      "those of srun or torchrun; otherwise the number of GPUs with --hardware=multi-gpu, or 1",
    changeable: true,
    help:
      "World size: the number of processes that train or evaluate together. The program starts them itself, unless " +
      "srun or torchrun has started them",
  },
  initTimeout: {
    option: "init_timeout",
    group: "Machine",
    commands: BOTH,
    value: { kind: "number", above: 0, most: 86400 },
    default: 300,
    changeable: true,
    help: "Time limit for all ranks to connect, in seconds",
  },
  stepTimeout: {
    option: "step_timeout",
    group: "Machine",
    commands: BOTH,
    value: { kind: "number", above: 0, most: 86400 },
    default: 100,
    changeable: true,
    help:
      "Time limit of a rank's wait for another rank within a step, in seconds. The error names the other rank",
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
      "JSON file of options by name, or the config.json of a run, from which the options that the user gave are " +
      "taken. The command line takes precedence over the file, the file over a preset",
  },
  expeName: {
    option: "expe_name",
    group: "Run",
    commands: TRAIN,
    value: { kind: "name" },
    default: "",
    defaultText:
      "the preset, or <dataset_name>_<resnet_type>; for folder with --data_dir, with the folder's name",
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
    help: "Folder of the run, for config.json, metrics.jsonl and checkpoints/",
  },
  saveEveryEpochs: {
    option: "save_every",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: PER_DATASET,
    changeable: true,
    help:
      "Epochs between checkpoints that are kept. The two newest checkpoints are kept besides, and one is " +
      "always written at the end. 0: none by the epoch",
  },
  saveEveryMinutes: {
    option: "save_every_minutes",
    group: "Run",
    commands: TRAIN,
    value: { kind: "number", least: 0 },
    default: 15,
    changeable: true,
    help: "Minutes between checkpoints, which a killed run loses at most. 0: none by the clock",
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
    help:
      "Reaction to a checkpoint or a row of metrics that cannot be written, as on a full disk: " +
      "end the run, or warn, continue, and try again at the next one",
  },
  stopOnCollapse: {
    option: "stop_on_collapse",
    group: "Run",
    commands: TRAIN,
    value: { kind: "flag" },
    default: false,
    changeable: true,
    help: "End the run with exit code 7 when the embeddings have collapsed. Off: only warn",
  },
  collapseBelow: {
    option: "collapse_below",
    group: "Run",
    commands: TRAIN,
    value: { kind: "number", least: 0, most: 1 },
    default: 0.1,
    changeable: true,
    help:
      "Embeddings count as collapsed while embedding_std is below this share of 1/√z_dim, its " +
      "value for embeddings that spread over the whole sphere",
  },
  collapseRows: {
    option: "collapse_rows",
    group: "Run",
    commands: TRAIN,
    value: { kind: "integer", least: 1, most: LARGEST_COUNT },
    default: 20,
    changeable: true,
    help:
      "Number of consecutive logged steps with collapsed embeddings after which a collapse is reported",
  },
  resume: {
    option: "resume",
    group: "Run",
    commands: TRAIN,
    value: { kind: "path", words: ["auto", "never"] },
    default: "auto",
    changeable: true,
    help:
      "auto: resume from the newest checkpoint in the run folder, or begin a new run. never: begin a new run, in a " +
      "folder without one. A path: resume from that checkpoint",
  },
  initFrom: {
    option: "init_from",
    group: "Run",
    commands: TRAIN,
    value: { kind: "path" },
    default: null,
    defaultText: "weights drawn from the seed",
    help:
      "File that the online and the target encoder of a new run are initialised from, of the kinds that " +
      "--checkpoint of eval accepts. A resumed run does not read it again",
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
    help: "Write TensorBoard's event files to the run folder, beside metrics.jsonl",
  },
  format: {
    option: "format",
    group: "Run",
    commands: BOTH,
    value: { kind: "choice", choices: ["text", "json"] },
    default: "text",
    changeable: true,
    help: "Form of the result on stdout: a table, or one JSON object. Progress goes to stderr",
  },

  traceSteps: {
    option: "trace_steps",
    group: "Checks",
    commands: TRAIN,
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    default: 0,
    changeable: true,
    help:
      "Number of first steps that are written with all their tensors, one safetensors file each, for a check by " +
      "another program. Use a small --hidden_dim: a step of resnet18 takes 443 MB at 4096",
  },
  traceDir: {
    option: "trace_dir",
    group: "Checks",
    commands: TRAIN,
    value: { kind: "path" },
    default: "",
    defaultText: "<run_dir>/traces",
    changeable: true,
    help: "Folder of the traced steps",
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
 * The options whose defaults depend on the data set.
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

/** Returns an option by its field. */
export function optionOf(field: keyof RunConfig): Option {
  return OPTIONS[field];
}
