/**
 * Settings of the cluster, from slurm/env.sh.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { siteFactors } from "../runtime/sites.ts";
import { projectRoot } from "../setup/record.ts";
import { ask } from "../base/processes.ts";

/** Settings of a cluster. */
export interface Site {
  /** Slurm account without a partition's suffix (BYOL_ACCOUNT); empty for Slurm's default account. */
  account: string;
  /** Folder for runs without --run_dir (BYOL_RUNS); empty for the program's default. */
  runs: string;
  /** Path or name of Deno in a job (BYOL_DENO). */
  deno: string;
  /** Normalised hours of a GPU-hour (BYOL_HOURS_FACTOR) and grams of CO2e of a kWh (BYOL_GRAMS_PER_KWH), where they are set. */
  factors: ReturnType<typeof siteFactors>;
  /** True where that is a program here. */
  denoIsThere: boolean;
}

/** Prints the settings that slurm/env.sh makes. */
const READ = `. slurm/env.sh || exit
command -v "$BYOL_DENO" >/dev/null && there=yes || there=
printf "\\0%s" "$BYOL_ACCOUNT" "$BYOL_RUNS" "$BYOL_DENO" "$there" "$BYOL_HOURS_FACTOR" "$BYOL_GRAMS_PER_KWH"`;

/**
 * Returns the settings of slurm/env.sh, or of the environment alone where no bash may run; environment variables take
 * precedence over the file.
 *
 * @throws UserError (usage) where bash cannot read the file to its end
 */
export async function siteHere(): Promise<Site> {
  // A job's folder is this one. The file would take the folder of an allocation that was begun elsewhere.
  const env = { BYOL_ROOT: projectRoot };
  const mayRun = Deno.permissions.querySync({ name: "run", command: "bash" }).state === "granted";
  const answer = mayRun ? await ask("bash", ["-c", READ], { cwd: projectRoot, env }) : undefined;
  if (answer === undefined) {
    return { account: "", runs: "", deno: "", denoIsThere: true, factors: siteFactors() };
  }
  if (answer.code !== 0) {
    throw new UserError(
      `Cannot read slurm/env.sh: bash ended with ${answer.code}, expected 0: ${answer.stderr.trim()}`,
      ExitCode.usage,
    );
  }
  // The file of BASH_ENV, or a module that env.sh loads, may have printed before.
  const [account = "", runs = "", deno = "", there = "", ...numbers] = answer.stdout.split("\0")
    .slice(-6);
  const factors = siteFactors((name) => numbers[name === "BYOL_HOURS_FACTOR" ? 0 : 1]);
  return { account, runs, deno, denoIsThere: there !== "", factors };
}
