/**
 * The profiles of nodes that jobs are submitted to, as data (`--profile`).
 *
 * @module
 */

import type { ProfileName } from "../options/commands/slurm.ts";

/** A quality of service of Slurm, which limits a job's time. */
export interface Qos {
  /** Value of sbatch's --qos; null for no --qos at all. */
  name: string | null;
  /** The longest time of a job, in hours. */
  hours: number;
}

/** One profile of nodes. */
export interface Profile {
  /** Value of the program's --computer. */
  computer: "jeanzay" | "other";
  /** Value of sbatch's --constraint; null for none. */
  constraint: string | null;
  /** Suffix of the account's name, such as "@a100" in xxx@a100. */
  accountSuffix: string;
  /** Environment module that slurm/env.sh loads first on these nodes; null for none. */
  archModule: string | null;
  /** GPUs of a node; 0 for a CPU node. */
  gpusPerNode: number;
  /** CPU cores for each rank. */
  coresPerRank: number;
  /** Architecture of the GPUs, such as "sm_80", which libtorch must have kernels for; null for CPU nodes. */
  architecture: string | null;
  /** Normalised hours that the site counts a GPU-hour as; null where it is not known here (BYOL_HOURS_FACTOR names it). */
  hoursFactor: number | null;
  /** Qualities of service, the shortest first. */
  qos: readonly Qos[];
  /** Name of the QoS that is used without --qos; null for no --qos at all. */
  defaultQos: string | null;
}

/** Returns the qualities of service of one of Jean Zay's partitions; A100 has none of 100 hours. */
function jeanZayQos(prefix: string, { long = true } = {}): Pick<Profile, "qos" | "defaultQos"> {
  return {
    qos: [
      { name: `${prefix}-dev`, hours: 2 },
      { name: `${prefix}-t3`, hours: 20 },
      ...(long ? [{ name: `${prefix}-t4`, hours: 100 }] : []),
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
  hoursFactor: 1,
  architecture: "sm_70",
  ...jeanZayQos("qos_gpu"),
} as const;

/** The profiles by name. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  "generic": {
    computer: "other",
    constraint: null,
    accountSuffix: "",
    archModule: null,
    gpusPerNode: 0,
    coresPerRank: 1,
    hoursFactor: null,
    architecture: null,
    qos: [{ name: null, hours: 20 }],
    defaultQos: null,
  },
  // The site prefers no constraint: a job then starts on the first node that is free.
  "jeanzay-v100": {
    constraint: null,
    ...V100,
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
    hoursFactor: 2,
    architecture: "sm_80",
    ...jeanZayQos("qos_gpu_a100", { long: false }),
  },
  "jeanzay-h100": {
    computer: "jeanzay",
    constraint: "h100",
    accountSuffix: "@h100",
    archModule: "arch/h100",
    gpusPerNode: 4,
    coresPerRank: 24,
    hoursFactor: null,
    architecture: "sm_90",
    ...jeanZayQos("qos_gpu_h100"),
  },
};
