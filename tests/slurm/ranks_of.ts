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
  for (const { pid, program } of processesOf(runDir)) {
    if (!program.startsWith("deno")) continue;
    const rank = procidOf(pid);
    if (rank !== undefined) found.push({ rank, pid });
  }
  return found.sort((a, b) => a.rank - b.rank);
}

/** The shell of the job that trains in a run folder, which Slurm warns before the time limit. */
export function batchShellOf(runDir: string): number | undefined {
  const isShell = ({ program, words }: Process): boolean =>
    program === "bash" && words.some((word) => word.endsWith("/slurm_script"));
  return processesOf(runDir).find(isShell)?.pid;
}

interface Process {
  pid: number;
  program: string;
  words: string[];
}

function processesOf(runDir: string): Process[] {
  const found: Process[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      if (!words.includes(`--run_dir=${runDir}`)) continue;
      found.push({
        pid: Number(name),
        program: basename(Deno.readLinkSync(`/proc/${name}/exe`)),
        words,
      });
    } catch {
      // It has ended while it was looked at.
    }
  }
  return found;
}

function procidOf(pid: number): number | undefined {
  try {
    const entries = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
    const rank = entries.find((entry) => entry.startsWith("SLURM_PROCID="))?.split("=")[1];
    return rank === undefined ? undefined : Number(rank);
  } catch {
    return undefined;
  }
}
