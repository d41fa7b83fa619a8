/** The processes of a run's ranks on this machine. */

import { basename } from "node:path";

/** A rank's process. */
export interface RankProcess {
  rank: number;
  pid: number;
}

/** The ranks that train in a run folder, by rank: Deno processes that srun started with the folder in their command. */
export function ranksOf(runDir: string): RankProcess[] {
  const found: RankProcess[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      const isRank = basename(Deno.readLinkSync(`/proc/${name}/exe`)).startsWith("deno") &&
        words.includes(`--run_dir=${runDir}`);
      if (!isRank) continue;
      const rank = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0")
        .find((entry) => entry.startsWith("SLURM_PROCID="))?.split("=")[1];
      if (rank !== undefined) found.push({ rank: Number(rank), pid: Number(name) });
    } catch {
      // It has ended while it was looked at.
    }
  }
  return found.sort((a, b) => a.rank - b.rank);
}
