/** Note on ranks that do not connect, while the others wait. */

import { showLine } from "../base/output.ts";
import { LAUNCHER_PIPE } from "../runtime/interrupt.ts";
import type { RankInfo } from "../runtime/rank.ts";

/** Time without all ranks after which the note is shown. */
const SILENT_MILLISECONDS = 10_000;

/** Shows a line once it is late. The argument names the missing ranks. */
export type WaitingNote = (missing: string) => void;

/** Returns a function that shows who is missing, at its first call later than 10 s from now, and never again. */
export function waitingNote(
  rankInfo: Readonly<RankInfo>,
  { initTimeout }: { initTimeout: number },
): WaitingNote {
  const from = performance.now();
  let isShown = false;
  return (missing) => {
    if (isShown || performance.now() - from < SILENT_MILLISECONDS) return;
    isShown = true;
    showLine(
      `Waiting for ${missing} of ${rankInfo.worldSize} ranks, at most --init_timeout=${initTimeout} s` +
        reasonOf(rankInfo),
    );
  };
}

/** Returns why this process waits for others, where that may surprise. */
function reasonOf({ launcher, worldSize }: Readonly<RankInfo>): string {
  if (Deno.env.has(LAUNCHER_PIPE)) return "";
  return launcher === "slurm"
    ? `: this is one of the ${worldSize} tasks of a step of Slurm; to train without other ranks, start a step of one`
    : ": RANK and WORLD_SIZE are set; to train without other ranks, unset both";
}
