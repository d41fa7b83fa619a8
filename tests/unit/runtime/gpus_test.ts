import { equal, match, throws } from "node:assert/strict";
import type { Environment } from "../../../src/options/environment.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { gpuOf } from "../../../src/runtime/gpus.ts";
import { type RankInfo, SINGLE_PROCESS } from "../../../src/runtime/rank.ts";
import { start } from "../../support/ranks_run.ts";

Deno.test("a rank takes the GPU of its place on the node, or the only one that Slurm shows it", () => {
  const rankInfo: RankInfo = {
    ...SINGLE_PROCESS,
    rank: 7,
    worldSize: 8,
    localRank: 3,
    localWorldSize: 4,
  };
  equal(gpuOf(rankInfo, 4), 3);
  equal(gpuOf(rankInfo, 8), 3);
  equal(gpuOf({ ...rankInfo, launcher: "slurm" }, 1), 0);
  throws(() => gpuOf({ ...rankInfo, launcher: "torchrun" }, 1), /has 4 ranks and 1 GPUs/);
  throws(() => gpuOf(rankInfo, 2), /rank 7 a GPU of its own: its node has 4 ranks and 2 GPUs/);
});

Deno.test("multi-gpu takes a rank for each GPU, and says so where there are fewer, or none", () => {
  const environment: Environment = {
    variable: () => undefined,
    exists: () => false,
    cores: 8,
  };
  const config = (gpus: number, args: string[] = [], rankInfo?: RankInfo): { ranks: number } =>
    parseCommandLine("train", ["--hardware=multi-gpu", "--batch_size=64", ...args], {
      ...environment,
      gpus: () => gpus,
      ...rankInfo && { rankInfo },
    }).config;
  const refuses = (body: () => unknown, message: RegExp, code: ExitCode): void =>
    throws(
      body,
      (error) =>
        error instanceof UserError && message.test(error.message) && error.exitCode === code,
    );
  equal(config(4).ranks, 4);
  equal(config(4, ["--ranks=2"]).ranks, 2);
  refuses(() => config(4, ["--ranks=8"]), /--ranks=8 .*: 4 GPUs are visible/, ExitCode.usage);
  refuses(() => config(0), /no NVIDIA GPU is visible here \(no driver shows one\)/, ExitCode.setup);
  const started: RankInfo = {
    ...SINGLE_PROCESS,
    rank: 5,
    worldSize: 8,
    localRank: 1,
    localWorldSize: 4,
  };
  equal(config(4, [], { ...started, launcher: "slurm" }).ranks, 8);
  equal(config(1, [], { ...started, launcher: "slurm" }).ranks, 8);
  refuses(
    () => config(2, [], { ...started, launcher: "torchrun" }),
    /rank 5 a GPU of its own/,
    ExitCode.usage,
  );
});

Deno.test("without a GPU, multi-gpu is refused by the program, with what to do", async () => {
  const { code, stderr } = await start(["--hardware=multi-gpu"], { CUDA_VISIBLE_DEVICES: "" })
    .ended;
  equal(code, ExitCode.setup, stderr);
  match(
    stderr,
    /no NVIDIA GPU is visible here \(.*\), expected one for each rank, or --hardware=cpu/,
  );
});
