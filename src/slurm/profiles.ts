/**
 * Kinds of nodes that jobs are submitted to, as data: `--profile` of submit and plan.
 *
 * @module
 */

import type { ProfileName } from "../options/commands/slurm.ts";

/** A time limit that can be asked for. */
export interface Qos {
  /** Its name for --qos; null where it is taken without asking. */
  name: string | null;
  /** The longest job. */
  hours: number;
}

/** One kind of node. */
export interface Profile {
  /** The value of the program's --computer. */
  computer: "jeanzay" | "other";
  /** sbatch's --constraint. */
  constraint: string | null;
  /** Suffix of the account's name: xxx@a100. */
  accountSuffix: string;
  /** The module to load first on these nodes; slurm/env.sh does. */
  archModule: string | null;
  /** GPUs of a node; 0 for a node without. */
  gpusPerNode: number;
  /** Cores for each rank. */
  coresPerRank: number;
  /** CUDA's name of the GPUs' architecture, which libtorch must have kernels for. */
  architecture: string | null;
  /** Time limits, the shortest first. */
  qos: readonly Qos[];
  /** The one that is taken unless --qos or --time says otherwise. */
  defaultQos: string | null;
}

/** Jean Zay's three limits, whose names have the partition in them. */
function jeanZayQos(prefix: string): Pick<Profile, "qos" | "defaultQos"> {
  return {
    qos: [
      { name: `${prefix}-dev`, hours: 2 },
      { name: `${prefix}-t3`, hours: 20 },
      { name: `${prefix}-t4`, hours: 100 },
    ],
    defaultQos: `${prefix}-t3`,
  };
}

const V100 = {
  computer: "jeanzay",
  accountSuffix: "@v100",
  archModule: null,
  gpusPerNode: 4,
  coresPerRank: 10,
  architecture: "sm_70",
  ...jeanZayQos("qos_gpu"),
} as const;

/** The profiles. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  "generic": {
    computer: "other",
    constraint: null,
    accountSuffix: "",
    archModule: null,
    gpusPerNode: 0,
    coresPerRank: 1,
    architecture: null,
    qos: [{ name: null, hours: 20 }],
    defaultQos: null,
  },
  "jeanzay-v100-16g": {
    constraint: "v100-16g",
    ...V100,
  },
  "jeanzay-v100-32g": {
    constraint: "v100-32g",
    ...V100,
  },
  "jeanzay-a100": {
    computer: "jeanzay",
    constraint: "a100",
    accountSuffix: "@a100",
    archModule: "arch/a100",
    gpusPerNode: 8,
    coresPerRank: 8,
    architecture: "sm_80",
    ...jeanZayQos("qos_gpu_a100"),
  },
  "jeanzay-h100": {
    computer: "jeanzay",
    constraint: "h100",
    accountSuffix: "@h100",
    archModule: "arch/h100",
    gpusPerNode: 4,
    coresPerRank: 24,
    architecture: "sm_90",
    ...jeanZayQos("qos_gpu_h100"),
  },
};
