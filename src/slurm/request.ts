/**
 * The command line of `submit`, `plan` and `doctor`: the command's own options, the options of `train` or `eval`, and
 * sbatch's options after `--`.
 *
 * @module
 */

import { surveyPhotos } from "../data/photo_survey.ts";
import { deriveFoldersBelow } from "../options/derive.ts";
import type { Environment } from "../options/environment.ts";
import { parseCommandLine } from "../options/parse.ts";
import type { RunConfig } from "../options/config.ts";
import {
  type CommandSpec,
  type OptionTable,
  readGiven,
  type Values,
} from "../base/command_line.ts";
import { counted } from "../base/counted.ts";
import { secondsOf } from "../base/duration.ts";
import { usageError } from "../base/exit_codes.ts";
import { type CommandName, lineOf, readCommand } from "../options/commands/registry.ts";
import { JOB_NAMES, type ProfileName, REQUEST_OPTIONS } from "../options/commands/slurm.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { usableCounts } from "./node_counts.ts";
import { type Profile, PROFILES, type Qos } from "./profiles.ts";
import type { Site } from "./site.ts";

/** The name of a kind of job (`--job`). */
export type Job = typeof JOB_NAMES[number];

/** Script in slurm/ and command of each kind of job. */
export const JOBS = {
  train: { script: "train.sbatch", command: "train" },
  eval: { script: "eval.sbatch", command: "eval" },
  seeds: { script: "array_seeds.sbatch", command: "train" },
  chain: { script: "chain.sbatch", command: "train" },
} as const satisfies Record<Job, { script: string; command: "train" | "eval" }>;

/** A job as the command line asks for it. */
export interface Request {
  job: Job;
  profileName: ProfileName;
  profile: Profile;
  /** Nodes of the job; the most where Slurm chooses. */
  nodes: number;
  /** Numbers of nodes that Slurm chooses among, in ascending order. */
  nodeCounts: number[];
  /** Notes on the numbers of nodes. */
  nodeNotes: string[];
  ranksPerNode: number;
  coresPerRank: number;
  /** True where the ranks have GPUs. */
  gpus: boolean;
  qos: Qos | undefined;
  /** The time limit of one job, in seconds. */
  seconds: number;
  account: string | undefined;
  /** Time before the limit at which Slurm signals the job, in seconds. */
  signalSeconds: number;
  /** Number of jobs of a chain. */
  links: number;
  /** Number of seeds of a job array. */
  seeds: number;
  /** Resolved options of the program. */
  config: RunConfig;
  /** Options of the program as command-line arguments. */
  programArgs: string[];
  /** Options of sbatch, given after `--`. */
  sbatchArgs: string[];
}

/** Options of a command that includes those of all three commands. */
type RequestTable = OptionTable & typeof REQUEST_OPTIONS;

/**
 * Reads the command line of `submit`, `plan` or `doctor`.
 *
 * @param context.spec the command
 * @param context.environment environment of this process
 * @param context.site settings of slurm/env.sh
 * @returns the request, and the values of the command's own options
 * @throws UserError (usage) for options that neither the command nor the program has, and for values out of range
 */
export function readRequest<Table extends RequestTable>(
  args: readonly string[],
  { spec, environment, site }: {
    spec: CommandSpec<Table>;
    environment: Environment;
    site?: Readonly<Site>;
  },
): { request: Request; own: Values<Table> } {
  const { command } = JOBS[jobOf(args, spec)];
  const { own, rest, passedOn } = readCommand(spec, args, [command]);
  const shared: Values<typeof REQUEST_OPTIONS> = own;
  const { job, profile: profileName } = shared;
  const asked = [...new Set(shared.nodes ?? [1])].sort((one, other) => one - other);
  const profile = PROFILES[profileName];
  const { gpus, ranksPerNode } = ranksOfNode(shared, profile);
  const qos = qosOf(shared.qos, profile);
  const programArgs = withSite(rest, { profile, gpus, ranks: asked.at(-1)! * ranksPerNode });
  const where: Environment = {
    ...(spec.name === "doctor" ? environment : withSharedData(environment, profile)),
    surveyPhotos,
    // The GPUs of the compute nodes are not visible on this machine.
    gpus: undefined,
  };
  const { counts: nodeCounts, parsed, notes: nodeNotes } = usableCounts(asked, (nodes) => {
    // With the job's world size, a batch that the ranks cannot share is refused before the job waits in a queue.
    const rankInfo = { ...SINGLE_PROCESS, worldSize: nodes * ranksPerNode, launcher: "slurm" };
    return parseCommandLine(command, programArgs, { ...where, rankInfo } as Environment);
  });
  const { config, origins } = parsed;
  const nodes = nodeCounts.at(-1)!;
  if (origins.runDir === "default" && site?.runs) {
    deriveFoldersBelow(site.runs, { config, origins }, environment);
  }
  const seconds = limitOf(shared.time, qos);
  const request = {
    ...{
      job,
      profileName,
      profile,
      nodes,
      nodeCounts,
      nodeNotes,
      ranksPerNode,
      gpus,
      qos,
      seconds,
    },
    ...{ config, programArgs },
    coresPerRank: shared.coresPerRank ?? profile.coresPerRank,
    account: (shared.account ?? site?.account) || undefined,
    signalSeconds: shared.signalSeconds,
    links: shared.links,
    seeds: shared.seeds,
    sbatchArgs: [...passedOn],
  };
  return { request, own };
}

/** Returns the ranks of a node. @throws UserError (usage) for a number of ranks on nodes with GPUs */
function ranksOfNode(
  { gpusPerNode, ranksPerNode }: Pick<
    Values<typeof REQUEST_OPTIONS>,
    "gpusPerNode" | "ranksPerNode"
  >,
  profile: Profile,
): { gpus: boolean; ranksPerNode: number } {
  const count = gpusPerNode ?? profile.gpusPerNode;
  if (count === 0) return { gpus: false, ranksPerNode: ranksPerNode ?? 1 };
  if (ranksPerNode === null) return { gpus: true, ranksPerNode: count };
  throw usageError(
    `Cannot use --ranks_per_node=${ranksPerNode} on nodes with GPUs: expected one rank for each GPU ` +
      "(--gpus_per_node)",
  );
}

/** Returns the kind of job of a command line, on which the options of the rest depend. */
function jobOf(args: readonly string[], spec: CommandSpec): Job {
  const { values } = readGiven(args, lineOf(spec.name as CommandName));
  return values.job as Job | undefined ?? REQUEST_OPTIONS.job.default;
}

/** Returns the time limit of a job in seconds: --time, or the longest time of the QoS. */
function limitOf(time: string | null, qos: Qos | undefined): number {
  if (time === null) return (qos?.hours ?? 20) * 3600;
  const [hours = 0, minutes = 0, rest = 0] = time.split(":").map(Number);
  const seconds = hours * 3600 + minutes * 60 + rest;
  if (qos !== undefined && seconds > qos.hours * 3600) {
    throw usageError(
      `Cannot ask for --time=${time} under the QoS ${
        qos.name ?? "of this profile"
      }: expected at most ` +
        `${qos.hours} hours`,
    );
  }
  return seconds;
}

/** Returns the program's options: those that follow from the profile, then the given ones, which take precedence. */
function withSite(
  rest: readonly string[],
  { profile, gpus, ranks }: { profile: Profile; gpus: boolean; ranks: number },
): string[] {
  const site: string[] = [];
  if (profile.computer !== "other") site.push(`--computer=${profile.computer}`);
  if (gpus) site.push(`--hardware=${ranks > 1 ? "multi-gpu" : "mono-gpu"}`);
  return [...site, ...rest];
}

/**
 * Returns the environment of the site for a machine that is not part of it: a laptop has no $DSDIR. The job looks for the
 * data itself.
 */
function withSharedData(environment: Environment, { computer }: Profile): Environment {
  if (computer !== "jeanzay" || environment.variable("DSDIR")) return environment;
  const shared = "$DSDIR";
  return {
    ...environment,
    variable: (name) => name === "DSDIR" ? shared : environment.variable(name),
    exists: (path) => path.startsWith(`${shared}/`) || environment.exists(path),
  };
}

function qosOf(name: string | null, profile: Profile): Qos | undefined {
  const wanted = name ?? profile.defaultQos;
  const found = profile.qos.find((one) => one.name === wanted);
  if (found !== undefined || name === null) return found;
  const names = profile.qos.flatMap((one) => one.name ?? []);
  // The limits of an unknown cluster are unknown, too.
  if (names.length === 0) return { name, hours: Infinity };
  throw usageError(`Cannot use --qos=${name}: expected one of ${names.join(", ")}`);
}

/** Returns the number of GPUs of a job; without GPUs, of its cores. */
export function devicesOf(
  { nodes, ranksPerNode, coresPerRank, gpus }: Pick<
    Request,
    "nodes" | "ranksPerNode" | "coresPerRank" | "gpus"
  >,
): number {
  return nodes * ranksPerNode * (gpus ? 1 : coresPerRank);
}

/**
 * Returns the price of a budget, such as "2h × 4 GPUs = 8.0 GPU-hours"; undefined without --time_budget. An array of
 * seeds has a budget for each seed.
 */
export function budgetPrice(
  request:
    & Pick<Request, "config" | "job" | "seeds">
    & Parameters<typeof devicesOf>[0],
): string | undefined {
  const { config: { timeBudget }, gpus, job, seeds } = request;
  if (timeBudget === null) return undefined;
  const runs = job === "seeds" ? seeds : 1;
  const devices = devicesOf(request);
  const hours = secondsOf(timeBudget) / 3600 * devices * runs;
  const [one, unit] = gpus ? ["GPU", "GPU-hours"] : ["core", "core-hours"];
  const each = runs > 1 ? ` × ${counted(runs, "seed")}` : "";
  return `${timeBudget} × ${counted(devices, one!)}${each} = ${hours.toFixed(1)} ${unit}`;
}

/** Returns a time limit in the form of sbatch's --time, HH:MM:SS. */
export function timeText(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two(seconds / 60 % 60)}:${two(seconds % 60)}`;
}
