/** `train`: reads the command line, and trains on one or several ranks. */

import { openData } from "../../data/open.ts";
import { runOnRanks } from "../on_ranks.ts";
import { train } from "./main.ts";

/** Trains by the command line. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  return await runOnRanks(
    "train",
    args,
    (parsed, { rankInfo }) => train(parsed, { openData, rankInfo }),
  );
}
