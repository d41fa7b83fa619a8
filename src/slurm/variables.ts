/**
 * Environment variables of a job or a launcher, which a new job or a run on one rank must not take for its own.
 *
 * @module
 */

import { RANK_VARIABLES } from "../runtime/rank.ts";

/** Variables that Slurm sets in a job. The others are settings of the site. */
const OF_THE_JOB = /^SLURM_(?!(CONF|CONF_SERVER|CLUSTERS|JWT|TIME_FORMAT|EXIT_ERROR|DEBUG_FLAGS)$)/;
/** Variables that slurm/job.sh sets. */
const OF_THE_SCRIPT: readonly string[] = ["BYOL_STOP_FILE", "BYOL_RESTARTS_BEFORE"];

/** Returns the variables of this process without those that make it a rank. */
export function variablesOfOne(): Record<string, string> {
  return without((name) => RANK_VARIABLES.includes(name));
}

/**
 * Returns the variables of this process without those of the job and the launcher that it runs under: sbatch passes its
 * variables on, and a new job would take the restarts, the array and the number of tasks of another for its own.
 */
export function variablesOutsideJobs(): Record<string, string> {
  const isInJob = Deno.env.has("SLURM_JOB_ID");
  return without((name) =>
    RANK_VARIABLES.includes(name) || OF_THE_SCRIPT.includes(name) ||
    isInJob && OF_THE_JOB.test(name)
  );
}

function without(isForeign: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !isForeign(name)),
  );
}
