/**
 * One of two ranks, for a test: compiles the kernels of a GPU, connects, and prints whether they are in use before and
 * after, and what was warned of. The arguments are those of `train`.
 */

import { ExitCode, runMain } from "../../src/base/exit_codes.ts";
import { runOnRanks } from "../../src/commands/on_ranks.ts";
import { Ranks } from "../../src/distributed/ranks.ts";
import { coreInfo } from "../../src/native/core.ts";
import { compileKernels } from "../../src/native/cuda.ts";
import { requireSetup } from "../../src/setup/record.ts";

await runMain((args) =>
  runOnRanks("train", args, async ({ config }, { rankInfo }) => {
    const warning = compileKernels({ device: 0, architecture: "sm_90" });
    const compiled = coreInfo().kernels;
    const options = { config, core: requireSetup().hash, interrupted: () => false };
    await Ranks.run(rankInfo, options, (ranks) => {
      const { kernels } = coreInfo();
      console.log(JSON.stringify({ rank: ranks.rankInfo.rank, warning, compiled, kernels }));
      return Promise.resolve();
    });
    return ExitCode.ok;
  })
);
