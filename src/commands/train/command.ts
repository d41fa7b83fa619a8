/** `train`: reads the command line, and trains on one or several ranks. */

import { openData } from "../../data/open.ts";
import { runOnRanks } from "../on_ranks.ts";
import { train } from "./main.ts";

/** The start of the program on the clock of performance.now(). */
const PROGRAM_START = 0;

/** Trains by the command line. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  return await runOnRanks(
    "train",
    args,
    (parsed, { rankInfo }) => train(parsed, { openData, rankInfo, startedAt: PROGRAM_START }),
  );
}
