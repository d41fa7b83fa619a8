/**
 * Folders of data sets on the computers that `--computer` names.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** Names that a data set's folder may have in $DSDIR; the first that exists is used. */
const CIFAR_FOLDERS = {
  cifar10: ["cifar10", "CIFAR10", "cifar-10", "CIFAR-10", "cifar-10-batches-py"],
  cifar100: ["cifar100", "CIFAR100", "cifar-100", "CIFAR-100", "cifar-100-python"],
} as const;

/** The archive to fetch by hand, on a node with internet. */
const CIFAR_ARCHIVES = {
  cifar10: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  cifar100: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
} as const;

/** Advice at the end of a message about missing data on Jean Zay. */
export const JEAN_ZAY_DATA_HINT =
  "on Jean Zay, $DSDIR holds shared data sets, read-only; a set of your own goes to $SCRATCH (fast, " +
  "not backed up, purged after 30 days) or $WORK, fetched on a login or prepost node, as compute nodes have no internet";

/** Variables by which a site, or a user, tells what an hour and a kWh count as; slurm/env.sh and submit set them. */
const FACTORS = { hours_factor: "BYOL_HOURS_FACTOR", grams_per_kwh: "BYOL_GRAMS_PER_KWH" } as const;

/** Returns the factors of the site that are set to a number: normalised hours of a GPU-hour, grams of CO2e of a kWh. */
export function siteFactors(
  variable: (name: string) => string | undefined = (name) => Deno.env.get(name),
): { [factor in keyof typeof FACTORS]?: number } {
  const found = Object.entries(FACTORS).flatMap(([factor, name]) => {
    const text = variable(name)?.trim();
    const value = text ? Number(text) : NaN;
    return Number.isFinite(value) && value >= 0 ? [[factor, value]] : [];
  });
  return Object.fromEntries(found);
}

/** Returns the cores of a rank: those that Slurm gives its task, otherwise one for each of its threads. */
export function coresGranted(threads: number): number {
  const perTask = Number(Deno.env.get("SLURM_CPUS_PER_TASK"));
  const isTask = Deno.env.get("SLURM_STEP_ID") !== undefined;
  return isTask && perTask >= 1 ? Math.floor(perTask) : threads;
}

/** Environment variables and files of the machine. */
interface Machine {
  variable(name: string): string | undefined;
  exists(path: string): boolean;
}

/**
 * Returns the default folder of ImageNet: the first of imagenetDirs that holds training images (a folder or a packed
 * file), or the first of all where none does.
 */
export function imagenetDir(machine: Machine): string {
  const folders = imagenetDirs(machine);
  const found = folders.find((folder) =>
    ["train", "train.json"].some((name) => machine.exists(`${folder}/${name}`))
  );
  return found ?? folders[0]!;
}

/** Returns the folders that may hold ImageNet, in order of preference: two in $DSDIR, then data/imagenet. */
export function imagenetDirs(machine: Pick<Machine, "variable">): string[] {
  const root = machine.variable("DSDIR");
  const shared = root ? [`${root}/imagenet`, `${root}/imagenet/RawImages`] : [];
  return [...shared, "data/imagenet"];
}

/**
 * Returns the folder of CIFAR-10 or CIFAR-100 on Jean Zay.
 *
 * @throws UserError (data) when $DSDIR is not set or does not hold the data set
 */
export function dataDirOnJeanZay(dataset: "cifar10" | "cifar100", machine: Machine): string {
  const root = machine.variable("DSDIR");
  if (root === undefined || root === "") {
    throw new UserError(
      `Cannot find ${dataset} with --computer=jeanzay: $DSDIR is not set, expected the folder of the ` +
        `shared data sets or --data_dir=DIR (${JEAN_ZAY_DATA_HINT})`,
      ExitCode.data,
    );
  }
  const names = CIFAR_FOLDERS[dataset];
  const found = names.find((name) => machine.exists(`${root}/${name}`));
  if (found === undefined) {
    throw new UserError(
      `Cannot find ${dataset} below $DSDIR=${root}: expected ${names.join(", ")} there, or ` +
        `--data_dir=DIR with ${CIFAR_ARCHIVES[dataset]} in it (${JEAN_ZAY_DATA_HINT})`,
      ExitCode.data,
    );
  }
  return `${root}/${found}`;
}
