/**
 * What is particular to the computers `--computer` names. "other" has no particulars.
 *
 * @module
 */

import type { DatasetName } from "./augment.ts";
import { ExitCode, UserError } from "./exit_codes.ts";

/** Names under $DSDIR that a data set may have; the first that is there is taken. */
const JEAN_ZAY_FOLDERS: Readonly<Record<Exclude<DatasetName, "demo">, readonly string[]>> = {
  cifar10: ["cifar10", "CIFAR10", "cifar-10", "CIFAR-10", "cifar-10-batches-py"],
  // Older nodes have it one folder deeper.
  imagenet: ["imagenet/RawImages", "imagenet"],
};

/** Advice to append to a message about data that is missing on Jean Zay. */
export const JEAN_ZAY_DATA_HINT =
  "on Jean Zay, $DSDIR holds shared data sets, read-only; a set of your own goes to $SCRATCH (fast, " +
  "not backed up) or $WORK, fetched on a login or prepost node, as compute nodes have no internet";

/** Advice to append to a message about a tool or library that is missing on Jean Zay. */
export const JEAN_ZAY_MODULES_HINT =
  "on Jean Zay, load modules first (module avail; module load arch/a100 or arch/h100 before any other " +
  "on those nodes), run deno task setup on a login node, and keep the project in $WORK or $SCRATCH: " +
  "$HOME holds 3 GB";

/** What sites.ts asks of the machine. */
interface Machine {
  variable(name: string): string | undefined;
  exists(path: string): boolean;
}

/**
 * Where Jean Zay keeps a data set.
 *
 * @throws UserError (data) when $DSDIR is not set or does not hold it
 */
export function dataDirOnJeanZay(
  dataset: Exclude<DatasetName, "demo">,
  machine: Machine,
): string {
  const root = machine.variable("DSDIR");
  if (root === undefined || root === "") {
    throw new UserError(
      `Cannot find ${dataset} with --computer=jeanzay: $DSDIR is not set, expected the folder of the ` +
        `shared data sets or --data_dir=DIR (${JEAN_ZAY_DATA_HINT})`,
      ExitCode.data,
    );
  }
  const names = JEAN_ZAY_FOLDERS[dataset];
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
