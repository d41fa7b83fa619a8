/** The options of `submit`, `plan` and `doctor`, as data. */

import type { CommandSpec, OptionTable } from "../../base/command_line.ts";
import { LARGEST_COUNT } from "../../base/option_values.ts";

/** The profiles of nodes that jobs are submitted to, each with a line of description. */
export const PROFILES_HELP = {
  "generic":
    "any cluster: one rank per node on CPU cores, or --gpus_per_node=N and --cores_per_rank=N",
  "jeanzay-v100": "Jean Zay, 4 V100 of 16 or 32 GB and 40 cores per node",
  "jeanzay-v100-16g": "Jean Zay, 4 V100 of 16 GB and 40 cores per node",
  "jeanzay-v100-32g": "Jean Zay, 4 V100 of 32 GB and 40 cores per node",
  "jeanzay-a100": "Jean Zay, 8 A100 of 80 GB and 64 cores per node",
  "jeanzay-h100": "Jean Zay, 4 H100 of 80 GB and 96 cores per node",
} as const;

/** The name of a profile. */
export type ProfileName = keyof typeof PROFILES_HELP;

/** The kinds of jobs (`--job`). */
export const JOB_NAMES = ["train", "eval", "seeds", "chain"] as const;

const count = { kind: "integer", least: 1, most: LARGEST_COUNT } as const;

/** Options of all three commands: the nodes and the job. */
export const REQUEST_OPTIONS = {
  profile: {
    option: "profile",
    value: { kind: "choice", choices: Object.keys(PROFILES_HELP) as ProfileName[] },
    placeholder: "NAME",
    help: "Profile of the nodes",
    choicesHelp: PROFILES_HELP,
    default: "generic",
  },
  job: {
    option: "job",
    value: { kind: "choice", choices: JOB_NAMES },
    help:
      "Kind of job: a training, an evaluation, an array of trainings with several seeds, or a chain of jobs " +
      "that resume one another",
    default: "train",
  },
  nodes: {
    option: "nodes",
    value: count,
    list: true,
    help: "Nodes of a job; of several numbers Slurm chooses, and a resume may get another",
    default: null,
    defaultText: "1",
  },
  gpusPerNode: {
    option: "gpus_per_node",
    value: { kind: "integer", least: 0, most: LARGEST_COUNT },
    help: "GPUs per node, with one rank each. Fewer than the node has leave the rest to other jobs",
    default: null,
    defaultText: "the profile's",
  },
  ranksPerNode: {
    option: "ranks_per_node",
    value: count,
    help: "Ranks per node without GPUs",
    default: null,
    defaultText: "1",
  },
  coresPerRank: {
    option: "cores_per_rank",
    value: count,
    help: "CPU cores per rank",
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
    help: "Name of the QoS",
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
    help: "Time before the limit at which the job is signalled, to save and requeue, in seconds",
    default: 180,
  },
  links: { option: "links", value: count, help: "Jobs of a chain", default: 2 },
  seeds: {
    option: "seeds",
    value: count,
    help: "Number of seeds of an array, from 1 on",
    default: 3,
  },
} as const satisfies OptionTable;

/** `deno task submit`. */
export const SUBMIT = {
  name: "submit",
  summary: "Submits a job: renders a script of slurm/ for a profile and calls sbatch",
  examples: [
    ["--profile=jeanzay-h100 --preset=byol_cifar10 --run_dir=DIR --dry_run"],
    ["--job=eval --checkpoint=FILE -- --partition=NAME"],
  ],
  options: {
    ...REQUEST_OPTIONS,
    dryRun: {
      option: "dry_run",
      value: { kind: "flag" },
      help: "Print the script and submit nothing",
      default: false,
    },
  },
  beside: ["train", "eval"],
  passesOnTo: "sbatch",
} as const satisfies CommandSpec;

/** `deno task plan`. */
export const PLAN = {
  name: "plan",
  summary: "Estimates the cost of a training: hours, GPU-hours, jobs under the time limit",
  examples: [
    ["--preset=byol_cifar10", "a short run measures the speed here"],
    ["--profile=jeanzay-h100 --preset=byol_imagenet --images_per_second=9000"],
  ],
  options: {
    imagesPerSecond: {
      option: "images_per_second",
      value: { kind: "number", above: 0 },
      help: "Source images per second of the whole job",
      default: null,
      defaultText: "measured for one rank by a short run on this machine",
    },
    measureSteps: {
      option: "measure_steps",
      value: count,
      help:
        "Steps to measure, after a first one that is not counted. The short run ends after 60 s at the latest",
      default: 3,
    },
    trainImages: {
      option: "train_images",
      value: { kind: "number", above: 0 },
      help: "Number of training images",
      default: null,
      defaultText: "the published number; of a folder, its own below 100,000",
    },
    ...REQUEST_OPTIONS,
  },
  beside: ["train", "eval"],
  passesOnTo: "sbatch",
} as const satisfies CommandSpec;

/** `deno task doctor`. */
export const DOCTOR = {
  name: "doctor",
  summary: "Checks that a training can run on this node, and prints a table of the checks",
  examples: [["--profile=jeanzay-h100 --preset=byol_cifar10"]],
  options: REQUEST_OPTIONS,
  beside: ["train", "eval"],
  remarks: [
    "Exit code 0: a training can run on this node. 6: it cannot, for the reasons in the lines FAIL.",
  ],
} as const satisfies CommandSpec;
