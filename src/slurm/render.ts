/**
 * The batch script of a request: a script of slurm/ with the directives of the profile and the program's options
 * written in, so that the file alone says what ran, and starting it again needs nothing else.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { type Job, JOBS, type Request, timeText } from "./request.ts";

/** The line of every script of slurm/ that the directives stand above. */
const FIRST_COMMAND = "set -euo pipefail\n";

/** The folder that a request's script and logs go to. */
export function jobFolder({ config, job }: Request): string {
  const folder = job === "eval" ? dirname(config.checkpoint ?? "") : config.runDir;
  return join(resolve(folder), "slurm");
}

/** sbatch's options for a request, one each, the user's own last: of two, sbatch takes the last. */
export function directives(request: Request): string[] {
  const { profile, job } = request;
  const array: Record<Job, string[]> = {
    train: [],
    eval: [],
    seeds: [`--array=1-${request.seeds}`],
    chain: [`--array=1-${request.links}%1`],
  };
  const id = array[job].length > 0 ? "%A_%a" : "%j";
  return [
    `--job-name=byol-${job}`,
    `--output=${join(jobFolder(request), `%x-${id}.out`)}`,
    "--open-mode=append",
    "--requeue",
    ...array[job],
    ...(request.account ? [`--account=${request.account}${profile.accountSuffix}`] : []),
    ...(profile.constraint ? [`--constraint=${profile.constraint}`] : []),
    ...(request.qos?.name ? [`--qos=${request.qos.name}`] : []),
    `--nodes=${request.nodes}`,
    `--ntasks-per-node=${request.ranksPerNode}`,
    ...(request.gpus ? [`--gres=gpu:${request.ranksPerNode}`] : []),
    `--cpus-per-task=${request.coresPerRank}`,
    ...(profile.computer === "jeanzay" ? ["--hint=nomultithread"] : []),
    `--time=${timeText(request.seconds)}`,
    // To the batch shell alone, which hands it to the ranks: see slurm/job.sh. An evaluation has nothing to save.
    ...(job === "eval" ? [] : [`--signal=B:USR2@${request.signalSeconds}`]),
    ...grouped(request.sbatchArgs),
  ];
}

/** One option a line, with its value: `-p gpu` is two words. */
function grouped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const quoted = /\s/.test(word) ? `"${word}"` : word;
    if (word.startsWith("-") || lines.length === 0) lines.push(quoted);
    else lines.push(`${lines.pop()} ${quoted}`);
  }
  return lines;
}

/** The whole script. `template` is the text of the script in slurm/, `root` the project's folder. */
export function render(
  request: Request,
  { template, root }: { template: string; root: string },
): string {
  const { script } = JOBS[request.job];
  const at = template.indexOf(FIRST_COMMAND);
  if (at < 0) throw new Error(`slurm/${script} has no line ${FIRST_COMMAND.trim()}`);
  return [
    "#!/usr/bin/env bash",
    `# From slurm/${script} by deno task submit, profile ${request.profileName}. sbatch of this file starts the same`,
    "# again.",
    ...directives(request).map((line) => `#SBATCH ${line}`),
    FIRST_COMMAND.trim(),
    `export BYOL_ROOT=${quoted(root)} BYOL_PROFILE=${quoted(request.profileName)}`,
    `set -- ${jobArgs(request).map(quoted).join(" ")}`,
    template.slice(at + FIRST_COMMAND.length),
  ].join("\n");
}

/** The program's options, with the run folder as every node and a later invocation see it. */
function jobArgs({ job, programArgs, config }: Request): string[] {
  return job === "eval" ? programArgs : [...programArgs, `--run_dir=${resolve(config.runDir)}`];
}

/** A word as bash takes it literally. */
function quoted(word: string): string {
  return /^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
