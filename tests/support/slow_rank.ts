/**
 * One of two ranks, for a test: rank 1 lives, and comes to the first collective long after the time limit. The arguments
 * are those of `train`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, runMain } from "../../src/base/exit_codes.ts";
import { runOnRanks } from "../../src/commands/on_ranks.ts";
import { Ranks } from "../../src/distributed/ranks.ts";
import { requireSetup } from "../../src/setup/record.ts";

await runMain((args) =>
  runOnRanks("train", args, async ({ config }, { rankInfo }) => {
    const options = { config, core: requireSetup().hash, interrupted: () => false };
    await Ranks.run(rankInfo, options, async (ranks) => {
      if (!ranks.isRankZero) await sleep(3000 * config.stepTimeout);
      ranks.barrier();
    });
    return ExitCode.ok;
  })
);
