/**
 * Settings of the site from slurm/env.sh.
 *
 * @module
 */

import { projectRoot } from "../setup/record.ts";
import { ask } from "../base/processes.ts";

/** A site's own values. */
export interface Site {
  /** BYOL_ACCOUNT: who pays, without a partition's suffix; empty where Slurm knows it. */
  account: string;
  /** BYOL_RUNS: the folder for runs that are given no --run_dir; empty for the program's own. */
  runs: string;
}

/** The values of slurm/env.sh, which the environment may set. */
export async function siteHere(): Promise<Site> {
  const read = '. slurm/env.sh && printf "%s\\0" "$BYOL_ACCOUNT" "$BYOL_RUNS"';
  const answer = await ask("bash", ["-c", read], { cwd: projectRoot });
  const [account = "", runs = ""] = answer?.stdout.split("\0") ?? [];
  return { account, runs };
}
