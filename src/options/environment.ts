/**
 * Properties of the machine that options depend on.
 *
 * @module
 */

import { join } from "node:path";
import { type StoredOptions, storedOptions } from "./stored.ts";
import { visibleGpus } from "../runtime/gpus.ts";
import {
  coresOfRank,
  discoverRank,
  RANK_VARIABLES,
  type RankInfo,
  type Variable,
} from "../runtime/rank.ts";

/** Properties of the machine that options depend on. */
export interface Environment {
  /** Returns the value of an environment variable. */
  variable(name: string): string | undefined;
  /** Returns true where a file or folder exists. */
  exists(path: string): boolean;
  /** Number of CPU cores that this process may use. */
  cores: number;
  /** Rank of this process; undefined for a single process. */
  rankInfo?: Readonly<RankInfo>;
  /** Returns the number of visible NVIDIA GPUs; undefined where the run is for another machine. */
  gpus?(): number;
  /** Returns the data folder in the record of a run; undefined where the folder holds no run. */
  dataDirOfRun?(runDir: string): string | undefined;
  /** Returns the weights file that `--checkpoint` names by a file or by the folder of a run. @throws UserError (checkpoint) */
  weightsFileOf?(path: string): string;
  /**
   * Returns the stored options of a checkpoint, for `eval`.
   *
   * @throws UserError (checkpoint) when the file is missing or damaged
   */
  checkpointConfig?(path: string): StoredOptions;
}

/** Returns the properties of this machine. Anything that Deno's permissions hide counts as absent. */
export function thisEnvironment(): Environment {
  return environmentWith(ownVariable);
}

/** Returns the properties of this machine for a command without ranks: a shell may hold a launcher's variables. */
export function environmentOfOne(): Environment {
  return environmentWith((name) => RANK_VARIABLES.includes(name) ? undefined : ownVariable(name));
}

function ownVariable(name: string): string | undefined {
  return quietly(() => Deno.env.get(name));
}

function environmentWith(variable: Variable): Environment {
  const rankInfo = discoverRank(variable);
  return {
    variable,
    exists: (path) => quietly(() => Deno.statSync(path)) !== undefined,
    cores: coresOfRank(navigator.hardwareConcurrency, rankInfo, variable),
    gpus: visibleGpus,
    dataDirOfRun: (runDir) => quietly(() => dataDirIn(join(runDir, "config.json"))),
    rankInfo,
  };
}

function dataDirIn(record: string): string | undefined {
  // Only a regular file can be a record; the reading of a pipe would wait.
  if (!Deno.statSync(record).isFile) return undefined;
  const { dataDir } = storedOptions(JSON.parse(Deno.readTextFileSync(record)).config);
  return typeof dataDir === "string" ? dataDir : undefined;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
