/**
 * The rank of this process, read from torchrun's environment variables (which --ranks sets, too) or from Slurm's. A
 * process without either is a run of its own.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";

/** Launcher of the ranks. */
export type Launcher = "none" | "torchrun" | "slurm";

/** Rank, world size and address of rank zero, as one process of a run knows them. */
export interface RankInfo {
  /** Rank of this process, from 0 to worldSize − 1. */
  rank: number;
  /** Number of processes of the run. */
  worldSize: number;
  /** Rank within the node, from 0; also the index of the rank's GPU. */
  localRank: number;
  /** Number of ranks on the node. */
  localWorldSize: number;
  /** Host of rank 0. */
  masterAddr: string;
  /** TCP port that rank 0 listens at. */
  masterPort: number;
  /** Launcher of the ranks. */
  launcher: Launcher;
}

/** The rank of a run in a single process. */
export const SINGLE_PROCESS: Readonly<RankInfo> = {
  rank: 0,
  worldSize: 1,
  localRank: 0,
  localWorldSize: 1,
  masterAddr: "127.0.0.1",
  masterPort: 0,
  launcher: "none",
};

/** Reads an environment variable. */
export type Variable = (name: string) => string | undefined;

/**
 * Returns the rank of this process. torchrun's variables take precedence over Slurm's, because torchrun may run under
 * srun. The variables of a batch script outside srun (without SLURM_STEP_ID) are ignored: those ranks were not started.
 * A step of one task is a run of its own, which may start ranks: the shell of `srun --pty bash` and of salloc is one.
 *
 * @throws UserError (usage) that names the variable which is missing or no number
 */
export function discoverRank(variable: Variable): RankInfo {
  if (variable("RANK") !== undefined && variable("WORLD_SIZE") !== undefined) {
    return rankOfTorchrun(variable);
  }
  if (isTask(variable)) return rankOfSlurm(variable);
  return { ...SINGLE_PROCESS };
}

/** Variables that make a process a rank, for programs that start one that is none. */
export const RANK_VARIABLES: readonly string[] = [
  ...["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "SLURM_PROCID"],
];

/** Returns true in a task of srun. */
function isTask(variable: Variable): boolean {
  return variable("SLURM_STEP_ID") !== undefined && variable("SLURM_PROCID") !== undefined;
}

function rankOfTorchrun(variable: Variable): RankInfo {
  const read = (name: string, range: [least: number, most: number]): number =>
    numberIn(variable, name, { range, because: "RANK and WORLD_SIZE are set" });
  const worldSize = read("WORLD_SIZE", [1, MOST_RANKS]);
  const rank = read("RANK", [0, worldSize - 1]);
  const has = (name: string): boolean => variable(name) !== undefined;
  const localWorldSize = has("LOCAL_WORLD_SIZE")
    ? read("LOCAL_WORLD_SIZE", [1, worldSize])
    : worldSize;
  const masterAddr = variable("MASTER_ADDR") ?? "";
  if (worldSize > 1 && masterAddr === "") {
    throw new UserError(
      `Cannot join ${worldSize} ranks: expected MASTER_ADDR, the host of rank 0, beside RANK and WORLD_SIZE`,
      ExitCode.usage,
    );
  }
  return {
    rank,
    worldSize,
    localRank: has("LOCAL_RANK") ? read("LOCAL_RANK", [0, localWorldSize - 1]) : rank,
    localWorldSize,
    masterAddr: masterAddr || SINGLE_PROCESS.masterAddr,
    masterPort: worldSize > 1 || has("MASTER_PORT") ? read("MASTER_PORT", [1, 65535]) : 0,
    launcher: "torchrun",
  };
}

function rankOfSlurm(variable: Variable): RankInfo {
  const read = (name: string, range: [least: number, most: number]): number =>
    numberIn(variable, name, { range, because: "SLURM_STEP_ID is set" });
  const tasks = variable("SLURM_STEP_NUM_TASKS") === undefined
    ? "SLURM_NTASKS"
    : "SLURM_STEP_NUM_TASKS";
  const worldSize = read(tasks, [1, MOST_RANKS]);
  const rank = read("SLURM_PROCID", [0, worldSize - 1]);
  if (worldSize === 1) return { ...SINGLE_PROCESS };
  const nodes = expandHostlist(
    variable("SLURM_STEP_NODELIST") ?? variable("SLURM_JOB_NODELIST") ?? "",
  );
  const node = variable("SLURM_NODEID") === undefined
    ? 0
    : read("SLURM_NODEID", [0, nodes.length - 1]);
  const perNode = variable("SLURM_STEP_TASKS_PER_NODE") ?? variable("SLURM_TASKS_PER_NODE");
  const local = perNode === undefined
    ? Math.ceil(worldSize / nodes.length)
    : tasksPerNode(perNode)[node] ?? 1;
  const given = variable("MASTER_PORT") !== undefined;
  return {
    rank,
    worldSize,
    localRank: read("SLURM_LOCALID", [0, local - 1]),
    localWorldSize: local,
    masterAddr: variable("MASTER_ADDR") || nodeOfRankZero(variable, nodes),
    masterPort: given ? read("MASTER_PORT", [1, 65535]) : portOfJob({
      job: read("SLURM_JOB_ID", [0, Number.MAX_SAFE_INTEGER]),
      step: read("SLURM_STEP_ID", [0, Number.MAX_SAFE_INTEGER]),
      restart: variable("SLURM_RESTART_COUNT") === undefined
        ? 0
        : read("SLURM_RESTART_COUNT", [0, Number.MAX_SAFE_INTEGER]),
    }),
    launcher: "slurm",
  };
}

/**
 * Returns the node of rank 0: the first of the step's, or, under --distribution=arbitrary, the first of the file of hosts.
 *
 * @throws UserError (usage) for an arbitrary distribution without a readable file of hosts, whose order only srun knows
 */
function nodeOfRankZero(variable: Variable, nodes: readonly string[]): string {
  const isArbitrary = variable("SLURM_DISTRIBUTION")?.startsWith("arbitrary") === true;
  if (nodes.length === 1 || !isArbitrary) return nodes[0]!;
  // A line may be a list of hosts, or host*2.
  const [first] = linesOf(variable("SLURM_HOSTFILE")).map((line) => line.replace(/\*\d+$/, ""));
  if (first !== undefined) return expandHostlist(first)[0]!;
  throw new UserError(
    "Cannot find the node of rank 0 under --distribution=arbitrary: expected SLURM_HOSTFILE, the file of hosts, or " +
      "MASTER_ADDR, the host of rank 0",
    ExitCode.usage,
  );
}

/** Returns the lines of a file of hosts; none where it cannot be read. */
function linesOf(path: string | undefined): string[] {
  try {
    const lines = Deno.readTextFileSync(path ?? "").split("\n").map((line) => line.trim());
    return lines.filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/**
 * Returns the number of CPU cores of one rank: SLURM_CPUS_PER_TASK where Slurm sets it, an equal share of the node's
 * cores otherwise.
 *
 * @param cores cores that this process may use
 */
export function coresOfRank(
  cores: number,
  rankInfo: Readonly<RankInfo>,
  variable: Variable,
): number {
  const perTask = Number(variable("SLURM_CPUS_PER_TASK"));
  const isStep = rankInfo.launcher !== "torchrun" && variable("SLURM_STEP_ID") !== undefined;
  if (isStep && perTask >= 1) return Math.min(cores, Math.floor(perTask));
  return Math.max(1, Math.floor(cores / rankInfo.localWorldSize));
}

const MOST_RANKS = 65536;
/** First port for a Slurm job; the last is 20000. Jean Zay's pages recommend this range between its nodes. */
const FIRST_PORT = 10_001;
const PORTS = 10_000;
/** Distance between the ports of two steps of a job. The strides are primes, which keeps neighbouring jobs apart. */
const STEP_STRIDE = 7919;
const RESTART_STRIDE = 4127;

/**
 * Returns a TCP port for a Slurm job step. Two jobs on one node need two ports, and so does a requeued job, whose
 * earlier ranks may still be running.
 */
export function portOfJob({ job, step = 0, restart = 0 }: {
  job: number;
  step?: number;
  restart?: number;
}): number {
  const strides = (step % PORTS) * STEP_STRIDE + (restart % PORTS) * RESTART_STRIDE;
  return FIRST_PORT + (job % PORTS + strides) % PORTS;
}

/**
 * Returns the hosts of a list in Slurm's form: `node[01-03,7],gpu5` is node01, node02, node03, node7, gpu5. Of several
 * brackets in one name, all combinations are hosts.
 *
 * @throws UserError (usage) when the text has another form
 */
export function expandHostlist(text: string): string[] {
  const refuse = (): never => {
    throw new UserError(
      `Cannot read the list of hosts "${text}": expected Slurm's form, such as node[01-03,7],gpu5`,
      ExitCode.usage,
    );
  };
  // Commas inside of brackets do not separate hosts.
  const items = text.match(/(?:[^,[\]]|\[[^[\]]*\])+/g) ?? [];
  if (items.length === 0 || items.join(",") !== text) refuse();
  return items.flatMap((item) => {
    let hosts = [""];
    for (const part of item.match(/[^[\]]+|\[[^[\]]*\]/g) ?? []) {
      const ends = part.startsWith("[")
        ? part.slice(1, -1).split(",").flatMap((range) => expandRange(range) ?? refuse())
        : [part];
      hosts = hosts.flatMap((host) => ends.map((end) => host + end));
      if (hosts.length > MOST_RANKS) refuse();
    }
    return hosts;
  });
}

/** Returns the numbers of a range such as `08-11`, with leading zeros, or of one number; undefined for other text. */
function expandRange(range: string): string[] | undefined {
  const found = /^(\d+)(?:-(\d+))?$/.exec(range);
  if (!found) return undefined;
  const [, first = "", last = first] = found;
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > MOST_RANKS) return undefined;
  return Array.from(
    { length: count },
    (_, index) => String(Number(first) + index).padStart(first.length, "0"),
  );
}

/** Reads Slurm's run-length form: `2(x3),1` is 2, 2, 2, 1. */
function tasksPerNode(text: string): number[] {
  return text.split(",").flatMap((item) => {
    const found = /^(\d+)(?:\(x(\d+)\))?$/.exec(item);
    if (!found) {
      throw new UserError(
        `Cannot read the tasks per node "${text}": expected Slurm's form, such as 4(x2),1`,
        ExitCode.usage,
      );
    }
    return Array<number>(Math.min(Number(found[2] ?? 1), MOST_RANKS)).fill(Number(found[1]));
  });
}

function numberIn(
  variable: Variable,
  name: string,
  { range: [least, most], because }: { range: [number, number]; because: string },
): number {
  const text = variable(name);
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UserError(
    `Cannot find this process's rank by ${name}${text === undefined ? "" : `=${text}`}: expected ` +
      `${least} to ${most}${text === undefined ? `, as ${because}` : ""}`,
    ExitCode.usage,
  );
}
