/**
 * The batch script of a request: a script of slurm/ with the directives of the profile and the program's options
 * written into it. The file documents the job, and submitting the file again repeats the job.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { usageError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import { runFolderAt } from "../run/folder.ts";
import { type Job, JOBS, type Request, timeText } from "./request.ts";

/** First command of each script in slurm/; the directives are inserted above it. */
const FIRST_COMMAND = "set -euo pipefail\n";

/** Returns the folder for a request's script and logs. */
export function jobFolder({ config, job }: Request): string {
  const folder = job === "eval" ? folderOf(config.checkpoint ?? "") : config.runDir;
  return join(resolve(folder), "slurm");
}

/** Returns the folder of a weights file, or the folder of a run that stands for its newest checkpoint. */
function folderOf(checkpoint: string): string {
  return exists(runFolderAt(checkpoint).metricsFile) ? checkpoint : dirname(checkpoint);
}

/**
 * Returns the folder for logs as Slurm's pattern of a file name.
 *
 * @throws UserError (usage) for a path that no pattern means: Slurm drops a backslash, or ends all patterns with it
 */
function logFolder(request: Request): string {
  const folder = jobFolder(request);
  if (folder.includes("\\")) {
    throw usageError(
      `Cannot submit with the log folder ${folder}: expected a path without a backslash`,
    );
  }
  return folder.replaceAll("%", "%%");
}

/**
 * Returns sbatch's options for a request, one per entry. The user's own are last, where they take precedence.
 *
 * @throws UserError (usage) for a folder of logs that Slurm has no way to name
 */
export function directives(request: Request): string[] {
  const { profile, job } = request;
  const array: Record<Job, string[]> = {
    train: [],
    eval: [],
    seeds: [`--array=1-${request.seeds}`],
    chain: [`--array=1-${request.links}%1`],
  };
  const id = array[job].length > 0 ? "%A_%a" : "%j";
  const own = [
    `--job-name=byol-${job}`,
    `--output=${join(logFolder(request), `%x-${id}.out`)}`,
    "--open-mode=append",
    "--requeue",
    ...array[job],
    ...(request.account ? [`--account=${request.account}${profile.accountSuffix}`] : []),
    ...(profile.constraint ? [`--constraint=${profile.constraint}`] : []),
    ...(request.qos?.name ? [`--qos=${request.qos.name}`] : []),
    ...nodesOf(request),
    ...(request.gpus ? [`--gres=gpu:${request.ranksPerNode}`] : []),
    ...(profile.computer === "jeanzay" ? ["--hint=nomultithread"] : []),
    `--time=${timeText(request.seconds)}`,
    // Slurm signals the batch shell alone; slurm/job.sh forwards the signal to the ranks. An evaluation saves nothing.
    ...(job === "eval" ? [] : [`--signal=B:USR2@${request.signalSeconds}`]),
  ];
  return [...own.map(quotedForSbatch), ...grouped(request.sbatchArgs)];
}

/**
 * Returns sbatch's options for nodes, ranks and cores. Slurm chooses among numbers of nodes for a job without tasks
 * alone: with --ntasks-per-node, it takes the least number. Such a job asks for the cores of a node as those of one task.
 */
function nodesOf({ nodeCounts, ranksPerNode, coresPerRank }: Request): string[] {
  const [least, most] = [nodeCounts[0]!, nodeCounts.at(-1)!];
  return least === most
    ? [
      ...[`--nodes=${most}`, `--ntasks-per-node=${ranksPerNode}`],
      `--cpus-per-task=${coresPerRank}`,
    ]
    : [`--nodes=${least}-${most}`, `--cpus-per-task=${ranksPerNode * coresPerRank}`];
}

/** Groups words into one option with its value per line: the two words of `-p gpu` become one line. */
function grouped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    if (word.startsWith("-") || lines.length === 0) lines.push(quotedForSbatch(word));
    else lines.push(`${lines.pop()} ${quotedForSbatch(word)}`);
  }
  return lines;
}

/**
 * Returns the text of a request's batch script.
 *
 * @param project.template text of the script in slurm/
 * @param project.root the project's folder
 */
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
    ...request.nodeCounts.length === 1 ? [] : [
      `export BYOL_NODE_COUNTS=${
        request.nodeCounts.join(",")
      } BYOL_RANKS_PER_NODE=${request.ranksPerNode}`,
    ],
    ...request.profile.hoursFactor === null
      ? []
      : [`export BYOL_HOURS_FACTOR=\${BYOL_HOURS_FACTOR:-${request.profile.hoursFactor}}`],
    `set -- ${jobArgs(request).map(quoted).join(" ")}`,
    template.slice(at + FIRST_COMMAND.length),
  ].join("\n");
}

/** Returns the program's options, with the absolute path of the run folder. */
function jobArgs({ job, programArgs, config }: Request): string[] {
  return job === "eval" ? programArgs : [...programArgs, `--run_dir=${resolve(config.runDir)}`];
}

/** Words that neither bash nor sbatch splits or expands. */
const PLAIN = /^[\w./=:@%+,-]+$/;

/**
 * Quotes a word for a line #SBATCH, which sbatch itself reads: within double quotes, a backslash makes the next
 * character plain.
 *
 * @throws UserError (usage) for the end of a line, after which sbatch would read another option
 */
function quotedForSbatch(word: string): string {
  if (/[\n\r]/.test(word)) {
    throw usageError(`Cannot pass ${JSON.stringify(word)} to sbatch: expected one line`);
  }
  return PLAIN.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`;
}

/** Quotes a word for bash. */
function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
