/**
 * Settings of the cluster, from slurm/env.sh.
 *
 * @module
 */

import { projectRoot } from "../setup/record.ts";
import { ask } from "../base/processes.ts";

/** Settings of a cluster. */
export interface Site {
  /** Slurm account without a partition's suffix (BYOL_ACCOUNT); empty for Slurm's default account. */
  account: string;
  /** Folder for runs without --run_dir (BYOL_RUNS); empty for the program's default. */
  runs: string;
}

/** Returns the settings of slurm/env.sh; environment variables take precedence over the file. */
export async function siteHere(): Promise<Site> {
  const read = '. slurm/env.sh && printf "%s\\0" "$BYOL_ACCOUNT" "$BYOL_RUNS"';
  const answer = await ask("bash", ["-c", read], { cwd: projectRoot });
  const [account = "", runs = ""] = answer?.stdout.split("\0") ?? [];
  return { account, runs };
}
