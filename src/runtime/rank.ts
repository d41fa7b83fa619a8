/**
 * Which rank this process is: from torchrun's variables (this program's own launcher sets them too), from Slurm's,
 * or from nothing, which is one rank alone.
 *
 * @module
 */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** Launcher of the ranks. */
export type Launcher = "none" | "torchrun" | "slurm";

/** A process's place among the ranks of its run. */
export interface RankInfo {
  /** 0 to worldSize − 1. */
  rank: number;
  /** Processes that train together. */
  worldSize: number;
  /** Rank within its node, which is also the GPU it takes. */
  localRank: number;
  /** Ranks on its node. */
  localWorldSize: number;
  /** Host of rank 0. */
  masterAddr: string;
  /** The port that rank 0 opens there. */
  masterPort: number;
  /** Launcher of the ranks. */
  launcher: Launcher;
}

/** The one rank of a run without others. */
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
 * This process's place. torchrun's variables win over Slurm's, as torchrun may run under srun. A batch script's own
 * variables (no srun, hence no SLURM_STEP_ID) count as nothing: they announce ranks that nobody started.
 *
 * @throws UserError (usage) that names the variable which is missing or no number
 */
export function discoverRank(variable: Variable): RankInfo {
  if (variable("RANK") !== undefined && variable("WORLD_SIZE") !== undefined) {
    return rankOfTorchrun(variable);
  }
  if (variable("SLURM_STEP_ID") !== undefined && variable("SLURM_PROCID") !== undefined) {
    return rankOfSlurm(variable);
  }
  return { ...SINGLE_PROCESS };
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
  if (worldSize === 1) return { ...SINGLE_PROCESS, launcher: "slurm" };
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
    masterAddr: variable("MASTER_ADDR") || nodes[0]!,
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
 * Cores of one rank, of those that its process may use: Slurm says how many it gave to each task; else the ranks of
 * a node share.
 */
export function coresOfRank(
  cores: number,
  rankInfo: Readonly<RankInfo>,
  variable: Variable,
): number {
  const perTask = Number(variable("SLURM_CPUS_PER_TASK"));
  if (rankInfo.launcher === "slurm" && perTask >= 1) return Math.min(cores, Math.floor(perTask));
  return Math.max(1, Math.floor(cores / rankInfo.localWorldSize));
}

const MOST_RANKS = 65536;
/** Below the ports that systems give out by themselves (from 32768 on Linux). */
const FIRST_PORT = 10_000;
const PORTS = 20_000;
/** Primes, so that the steps and restarts of a job and its neighbours' do not fall together. */
const STEP_STRIDE = 7919;
const RESTART_STRIDE = 4127;

/**
 * A port for a Slurm job step. Nodes are shared, so two jobs must not take the same; nor must a job that was put back
 * after the loss of a node, whose earlier ranks may still be there.
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
 * The hosts of Slurm's list form: `node[01-03,7],gpu5` is node01, node02, node03, node7, gpu5. Several brackets
 * multiply.
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

/** `08-11` with its leading zeros, or one number; undefined when it is neither. */
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

/** Slurm's run-length form: `2(x3),1` is 2, 2, 2, 1. */
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
