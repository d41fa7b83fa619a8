/**
 * Settings of the cluster, from slurm/env.sh.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { projectRoot } from "../setup/record.ts";
import { ask } from "../base/processes.ts";

/** Settings of a cluster. */
export interface Site {
  /** Slurm account without a partition's suffix (BYOL_ACCOUNT); empty for Slurm's default account. */
  account: string;
  /** Folder for runs without --run_dir (BYOL_RUNS); empty for the program's default. */
  runs: string;
}

/**
 * Returns the settings of slurm/env.sh; environment variables take precedence over the file.
 *
 * @throws UserError (usage) where bash cannot read the file to its end
 */
export async function siteHere(): Promise<Site> {
  const read = '. slurm/env.sh && printf "\\0%s\\0%s" "$BYOL_ACCOUNT" "$BYOL_RUNS"';
  const answer = await ask("bash", ["-c", read], { cwd: projectRoot });
  if (answer === undefined) return { account: "", runs: "" };
  if (answer.code !== 0) {
    throw new UserError(
      `Cannot read slurm/env.sh: bash ended with ${answer.code}, expected 0: ${answer.stderr.trim()}`,
      ExitCode.usage,
    );
  }
  // The file of BASH_ENV, or a module that env.sh loads, may have printed before.
  const [account = "", runs = ""] = answer.stdout.split("\0").slice(-2);
  return { account, runs };
}
