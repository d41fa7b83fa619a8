/** The options of `submit`, `plan` and `doctor`, as data. */

import type { CommandSpec, OptionTable } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** The kinds of nodes that jobs are submitted to, each with a line about it. */
export const PROFILES_HELP = {
  "generic":
    "any cluster: one rank a node on its cores, or --gpus_per_node=N and --cores_per_rank=N",
  "jeanzay-v100-16g": "Jean Zay, 4 V100 of 16 GB and 40 cores a node",
  "jeanzay-v100-32g": "Jean Zay, 4 V100 of 32 GB and 40 cores a node",
  "jeanzay-a100": "Jean Zay, 8 A100 of 80 GB and 64 cores a node",
  "jeanzay-h100": "Jean Zay, 4 H100 of 80 GB and 96 cores a node",
} as const;

/** The name of a kind of nodes. */
export type ProfileName = keyof typeof PROFILES_HELP;

/** The jobs that --job names. */
export const JOB_NAMES = ["train", "eval", "seeds", "chain"] as const;

const count = { kind: "integer", least: 1, most: LARGEST_COUNT } as const;

/** Options that the three commands share: the nodes and the job. */
export const REQUEST_OPTIONS = {
  profile: {
    option: "profile",
    value: { kind: "choice", choices: Object.keys(PROFILES_HELP) as ProfileName[] },
    placeholder: "NAME",
    help: "The nodes",
    choicesHelp: PROFILES_HELP,
    default: "generic",
  },
  job: {
    option: "job",
    value: { kind: "choice", choices: JOB_NAMES },
    help:
      "What to run: a training, an evaluation, an array of seeds, or a chain of jobs that each " +
      "resume the one before",
    default: "train",
  },
  nodes: { option: "nodes", value: count, help: "Nodes of a job", default: 1 },
  gpusPerNode: {
    option: "gpus_per_node",
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    help: "GPUs, and with them ranks, of a node; fewer than it has share the node",
    default: null,
    defaultText: "the profile's",
  },
  ranksPerNode: {
    option: "ranks_per_node",
    value: count,
    help: "Ranks of a node without GPUs",
    default: null,
    defaultText: "1",
  },
  coresPerRank: {
    option: "cores_per_rank",
    value: count,
    help: "Cores of a rank",
    default: null,
    defaultText: "the profile's",
  },
  time: {
    option: "time",
    value: {
      kind: "text",
      pattern: /^(?=.*[1-9])\d+:[0-5]\d:[0-5]\d$/,
      expected: "hours, minutes and seconds, such as 20:00:00",
    },
    placeholder: "H:MM:SS",
    help: "Time limit of a job",
    default: null,
    defaultText: "the QoS's",
  },
  qos: {
    option: "qos",
    value: { kind: "text" },
    help: "QoS by name",
    default: null,
    defaultText: "the profile's",
  },
  account: {
    option: "account",
    value: { kind: "text" },
    help: "Account, without the suffix of the partition",
    default: null,
    defaultText: "BYOL_ACCOUNT of slurm/env.sh",
  },
  signalSeconds: {
    option: "signal_seconds",
    value: count,
    help: "Seconds of warning before the time limit, to save and start again",
    default: 180,
  },
  links: { option: "links", value: count, help: "Links of a chain", default: 2 },
  seeds: { option: "seeds", value: count, help: "Seeds of an array, from 1", default: 3 },
} as const satisfies OptionTable;

/** `deno task submit`. */
export const SUBMIT = {
  name: "submit",
  summary: "Submits a job: renders a script of slurm/ for a kind of nodes and hands it to sbatch",
  examples: [
    ["--profile=jeanzay-a100 --preset=byol_cifar10 --run_dir=DIR --dry_run"],
    ["--job=eval --checkpoint=FILE -- --partition=NAME"],
  ],
  options: {
    ...REQUEST_OPTIONS,
    dryRun: {
      option: "dry_run",
      value: { kind: "flag" },
      help: "Print the script, submit nothing",
      default: false,
    },
  },
  beside: ["train", "eval"],
  passesOnTo: "sbatch",
} as const satisfies CommandSpec;

/** `deno task plan`. */
export const PLAN = {
  name: "plan",
  summary: "Estimates what a training takes: hours, GPU-hours, jobs under the time limit",
  examples: [
    ["--preset=byol_cifar10", "a short run measures the speed here"],
    ["--profile=jeanzay-a100 --preset=byol_imagenet --images_per_second=9000"],
  ],
  options: {
    imagesPerSecond: {
      option: "images_per_second",
      value: { kind: "number", above: 0 },
      help: "Source images a second of the whole job",
      default: null,
      defaultText: "measured for one rank by a short run here",
    },
    measureSteps: {
      option: "measure_steps",
      value: count,
      help: "Steps of that run",
      default: 12,
    },
    trainImages: {
      option: "train_images",
      value: { kind: "number", above: 0 },
      help: "Training images",
      default: null,
      defaultText: "the published number",
    },
    ...REQUEST_OPTIONS,
  },
  beside: ["train", "eval"],
  passesOnTo: "sbatch",
} as const satisfies CommandSpec;

/** `deno task doctor`. */
export const DOCTOR = {
  name: "doctor",
  summary: "Checks that this node has what a training needs, and reports it as a table",
  examples: [["--profile=jeanzay-a100 --preset=byol_cifar10"]],
  options: REQUEST_OPTIONS,
  beside: ["train", "eval"],
  remarks: ["Exit code 0: a training can run here; 6: it cannot, see the lines FAIL."],
} as const satisfies CommandSpec;
