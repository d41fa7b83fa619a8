/**
 * Properties of the machine that decide options.
 *
 * @module
 */

import { join } from "node:path";
import { type StoredOptions, storedOptions } from "./stored.ts";
import { visibleGpus } from "../runtime/gpus.ts";
import { coresOfRank, discoverRank, type RankInfo, type Variable } from "../runtime/rank.ts";

/** Properties of the machine that decide options. */
export interface Environment {
  /** The value of an environment variable. */
  variable(name: string): string | undefined;
  /** Returns true where a file or folder is there. */
  exists(path: string): boolean;
  /** Cores this process may use. */
  cores: number;
  /** This process's place among ranks that srun or torchrun started; none where it is started alone. */
  rankInfo?: Readonly<RankInfo>;
  /** NVIDIA GPUs this process sees; undefined where it is not this machine that will run. */
  gpus?(): number;
  /** Returns the folder of the images of the run in a folder, as its record has it; undefined where there is no run. */
  dataDirOfRun?(runDir: string): string | undefined;
  /**
   * The options that a checkpoint was made with as it stores them, for `eval`.
   *
   * @throws UserError (checkpoint) when the file is missing or damaged
   */
  checkpointConfig?(path: string): StoredOptions;
}

/** This machine. What Deno's permissions hide is taken as absent. */
export function thisEnvironment(): Environment {
  const variable: Variable = (name) => quietly(() => Deno.env.get(name));
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
  // Whatever else may be there is no run's record, and a pipe would be waited for.
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
