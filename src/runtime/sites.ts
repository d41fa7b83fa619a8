/**
 * Particulars of the computers that `--computer` names. "other" has none.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** Names under $DSDIR that CIFAR-10 may have; the first that is there is taken. */
const CIFAR_FOLDERS = ["cifar10", "CIFAR10", "cifar-10", "CIFAR-10", "cifar-10-batches-py"];

/** Advice to append to a message about data that is missing on Jean Zay. */
export const JEAN_ZAY_DATA_HINT =
  "on Jean Zay, $DSDIR holds shared data sets, read-only; a set of your own goes to $SCRATCH (fast, " +
  "not backed up) or $WORK, fetched on a login or prepost node, as compute nodes have no internet";

/** Environment variables and files of the machine. */
interface Machine {
  variable(name: string): string | undefined;
  exists(path: string): boolean;
}

/**
 * Returns the default folder of ImageNet: below $DSDIR, on some sites one folder deeper, or beside the program.
 *
 * @returns the first that holds the training images, loose or packed; else the first, for the message
 */
export function imagenetDir(machine: Machine): string {
  const folders = imagenetDirs(machine);
  const found = folders.find((folder) =>
    ["train", "train.json"].some((name) => machine.exists(`${folder}/${name}`))
  );
  return found ?? folders[0]!;
}

/** The folders that imagenetDir looks at, in order. */
export function imagenetDirs(machine: Pick<Machine, "variable">): string[] {
  const root = machine.variable("DSDIR");
  const shared = root ? [`${root}/imagenet`, `${root}/imagenet/RawImages`] : [];
  return [...shared, "data/imagenet"];
}

/**
 * Returns the folder of CIFAR-10 on Jean Zay.
 *
 * @throws UserError (data) when $DSDIR is not set or does not hold it
 */
export function dataDirOnJeanZay(dataset: "cifar10", machine: Machine): string {
  const root = machine.variable("DSDIR");
  if (root === undefined || root === "") {
    throw new UserError(
      `Cannot find ${dataset} with --computer=jeanzay: $DSDIR is not set, expected the folder of the ` +
        `shared data sets or --data_dir=DIR (${JEAN_ZAY_DATA_HINT})`,
      ExitCode.data,
    );
  }
  const names = CIFAR_FOLDERS;
  const found = names.find((name) => machine.exists(`${root}/${name}`));
  if (found === undefined) {
    throw new UserError(
      `Cannot find ${dataset} below $DSDIR=${root}: expected ${names.join(", ")} there, or ` +
        `--data_dir=DIR (${JEAN_ZAY_DATA_HINT})`,
      ExitCode.data,
    );
  }
  return `${root}/${found}`;
}
