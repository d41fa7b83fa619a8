/**
 * Request to `submit` and `plan`: their own options, the options of the program, sbatch's after `--`.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Environment } from "../options/environment.ts";
import { parseCommandLine } from "../options/parse.ts";
import type { RunConfig } from "../options/config.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { type Profile, PROFILES, type Qos } from "./profiles.ts";
import type { Site } from "./site.ts";

/** The scripts of slurm/, by the name that --job takes. */
export const JOBS = {
  train: { script: "train.sbatch", command: "train" },
  eval: { script: "eval.sbatch", command: "eval" },
  seeds: { script: "array_seeds.sbatch", command: "train" },
  chain: { script: "chain.sbatch", command: "train" },
} as const;

/** A script of slurm/. */
export type Job = keyof typeof JOBS;

/** Options of submit and plan themselves, with what they are for. */
export const OWN_OPTIONS = {
  profile: `the nodes: ${Object.keys(PROFILES).join(", ")} (generic)`,
  job: `what to run: ${Object.keys(JOBS).join(", ")} (train)`,
  nodes: "nodes of a job (1)",
  gpus_per_node: "GPUs, and with them ranks, of a node (the profile's; fewer share the node)",
  ranks_per_node: "ranks of a node without GPUs (1)",
  cores_per_rank: "cores of a rank (the profile's)",
  time: "time limit of a job as H:MM:SS (the QoS's)",
  qos: "QoS by name (the profile's default)",
  account: "account, without the suffix of the partition (BYOL_ACCOUNT of slurm/env.sh)",
  signal_seconds: "warning before the time limit, to save and start again (180)",
  links: "links of a chain (2)",
  seeds: "seeds of an array, from 1 (3)",
} as const;

/** Request of the command line. */
export interface Request {
  job: Job;
  profileName: string;
  profile: Profile;
  nodes: number;
  ranksPerNode: number;
  coresPerRank: number;
  /** True where the ranks have GPUs. */
  gpus: boolean;
  qos: Qos | undefined;
  /** The time limit of one job. */
  seconds: number;
  account: string | undefined;
  signalSeconds: number;
  /** Tasks of the array, for a chain or seeds. */
  links: number;
  seeds: number;
  /** The program's resolved options, and as they are to be typed. */
  config: RunConfig;
  programArgs: string[];
  /** Options for sbatch, after `--`. */
  sbatchArgs: string[];
  /** Options that only one of the commands has, such as `dry_run`; a flag's value is "true". */
  extra: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads the command line.
 *
 * @param extraOptions further options, by name: whether they are a flag
 * @throws UserError (usage) for what neither this nor the program knows, before anything waits in a queue
 */
export function readRequest(
  args: readonly string[],
  { environment, extraOptions, site }: {
    environment: Environment;
    extraOptions: Readonly<Record<string, "flag" | "value">>;
    site?: Readonly<Site>;
  },
): Request {
  const cut = args.indexOf("--");
  const ours = cut < 0 ? args : args.slice(0, cut);
  const sbatchArgs = cut < 0 ? [] : args.slice(cut + 1);
  const { own, rest } = separate(ours, extraOptions);
  const profileName = own.profile ?? "generic";
  const profile = PROFILES[profileName];
  if (profile === undefined) throw unknown("profile", profileName, Object.keys(PROFILES));
  const job = (own.job ?? "train") as Job;
  if (!Object.hasOwn(JOBS, job)) throw unknown("job", job, Object.keys(JOBS));

  const gpusPerNode = wholeNumber(own, "gpus_per_node", profile.gpusPerNode, 0);
  const gpus = gpusPerNode > 0;
  if (gpus && own.ranks_per_node !== undefined) {
    throw usage("Cannot use --ranks_per_node with GPUs: expected one rank a GPU");
  }
  const ranksPerNode = gpus ? gpusPerNode : wholeNumber(own, "ranks_per_node", 1);
  const nodes = wholeNumber(own, "nodes", 1);
  const qos = qosOf(own.qos, profile);
  const programArgs = withSite(rest, { profile, gpus, ranks: nodes * ranksPerNode });
  const { command } = JOBS[job];
  const where: Environment = {
    ...environment,
    // Those of the nodes are not seen from here.
    gpus: undefined,
    // A batch that the ranks cannot share is better refused here than in the queue.
    rankInfo: { ...SINGLE_PROCESS, worldSize: nodes * ranksPerNode, launcher: "slurm" },
  };
  const { config, origins } = parseCommandLine(command, programArgs, where);
  if (origins.runDir === "default" && site?.runs) config.runDir = join(site.runs, config.expeName);
  const seconds = own.time === undefined ? (qos?.hours ?? 20) * 3600 : secondsOf(own.time);
  if (qos !== undefined && seconds > qos.hours * 3600) {
    throw usage(
      `Cannot ask for --time=${own.time} under the QoS ${
        qos.name ?? "of this profile"
      }: expected at most ` +
        `${qos.hours} hours`,
    );
  }
  return {
    job,
    profileName,
    profile,
    nodes,
    ranksPerNode,
    coresPerRank: wholeNumber(own, "cores_per_rank", profile.coresPerRank),
    gpus,
    qos,
    seconds,
    account: (own.account ?? site?.account) || undefined,
    signalSeconds: wholeNumber(own, "signal_seconds", 180),
    links: wholeNumber(own, "links", 2),
    seeds: wholeNumber(own, "seeds", 3),
    config,
    programArgs,
    sbatchArgs,
    extra: own,
  };
}

type Own = Record<string, string | undefined>;

/** Splits our options off; what is left is the program's. */
function separate(
  args: readonly string[],
  extraOptions: Readonly<Record<string, "flag" | "value">>,
): { own: Own; rest: string[] } {
  const kinds: Record<string, "flag" | "value"> = { ...extraOptions };
  for (const name of Object.keys(OWN_OPTIONS)) kinds[name] = "value";
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) =>
      [name, { type: kind === "flag" ? "boolean" : "string" }] as const
    ),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const own: Own = {};
  const taken = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== "option" || !(token.name in kinds)) continue;
    if (kinds[token.name] === "value" && token.value === undefined) {
      throw usage(`Cannot use --${token.name} without a value: expected --${token.name}=value`);
    }
    own[token.name] = token.value ?? "true";
    taken.add(token.index);
    if (token.value !== undefined && !token.inlineValue) taken.add(token.index + 1);
  }
  return { own, rest: args.filter((_, index) => !taken.has(index)) };
}

/** The options that follow from where the program is to run, before those given, which win. */
function withSite(
  rest: readonly string[],
  { profile, gpus, ranks }: { profile: Profile; gpus: boolean; ranks: number },
): string[] {
  const site: string[] = [];
  if (profile.computer !== "other") site.push(`--computer=${profile.computer}`);
  if (gpus) site.push(`--hardware=${ranks > 1 ? "multi-gpu" : "mono-gpu"}`);
  return [...site, ...rest];
}

function qosOf(name: string | undefined, profile: Profile): Qos | undefined {
  const wanted = name ?? profile.defaultQos;
  const found = profile.qos.find((one) => one.name === wanted);
  if (found !== undefined || name === undefined) return found;
  const names = profile.qos.flatMap((one) => one.name ?? []);
  // Of a cluster we do not know we do not know the limits either.
  if (names.length === 0) return { name, hours: Infinity };
  throw unknown("qos", name, names);
}

function wholeNumber(own: Own, name: string, fallback: number, least = 1): number {
  const text = own[name];
  if (text === undefined) return fallback;
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw usage(`Cannot use --${name}=${text}: expected a whole number of at least ${least}`);
}

function secondsOf(text: string): number {
  const found = /^(\d+):([0-5]\d):([0-5]\d)$/.exec(text);
  const seconds = found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]) : 0;
  if (seconds > 0) return seconds;
  throw usage(`Cannot use --time=${text}: expected hours, minutes and seconds, such as 20:00:00`);
}

/** A time limit as sbatch and --time take it. */
export function timeText(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two(seconds / 60 % 60)}:${two(seconds % 60)}`;
}

function unknown(option: string, value: string, known: readonly string[]): UserError {
  return usage(`Cannot use --${option}=${value}: expected one of ${known.join(", ")}`);
}

function usage(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}
