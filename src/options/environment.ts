/**
 * Properties of the machine that options depend on.
 *
 * @module
 */

import { join } from "node:path";
import type { Origins, RunConfig } from "./config.ts";
import type { PhotoSurvey } from "./photo_recipe.ts";
import { type StoredOptions, storedOptions, storedOrigins } from "./stored.ts";
import { visibleGpus } from "../runtime/gpus.ts";
import {
  coresOfRank,
  discoverRank,
  RANK_VARIABLES,
  type RankInfo,
  type Variable,
} from "../runtime/rank.ts";

/** Options in the record of a run, unchecked, by their fields. */
export interface StoredRecord {
  config: Partial<RunConfig>;
  origins: Partial<Origins>;
}

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
  /** Returns the options in the record of a run, and their origins; undefined where the folder holds no run. */
  recordOfRun?(runDir: string): StoredRecord | undefined;
  /** Returns the number and size of a folder's images; undefined where they cannot be read. */
  surveyPhotos?(config: Pick<RunConfig, "datasetName" | "dataDir">): PhotoSurvey | undefined;
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
    recordOfRun: (runDir) => quietly(() => recordIn(join(runDir, "config.json"))),
    rankInfo,
  };
}

function recordIn(file: string): StoredRecord | undefined {
  // Only a regular file can be a record; the reading of a pipe would wait.
  if (!Deno.statSync(file).isFile) return undefined;
  const { config, origins } = JSON.parse(Deno.readTextFileSync(file));
  return { config: storedOptions(config), origins: storedOrigins(origins ?? {}) };
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
