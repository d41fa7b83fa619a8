/**
 * Properties of the machine that decide options.
 *
 * @module
 */

import type { StoredOptions } from "./stored.ts";
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
    rankInfo,
  };
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
