import { equal, throws } from "node:assert/strict";
import { UserError } from "../../../src/base/exit_codes.ts";
import { deviceOf } from "../../../src/runtime/device.ts";
import { visibleGpus } from "../../../src/runtime/gpus.ts";
import { SINGLE_PROCESS } from "../../../src/runtime/rank.ts";

/** Rank 1 of 2 on one node. */
const SECOND = { ...SINGLE_PROCESS, rank: 1, worldSize: 2, localRank: 1, localWorldSize: 2 };

Deno.test("a rank's device is the one of its place on the node, whatever the environment says", () => {
  // Another launcher's variables, as a program that is started by a rank inherits them.
  const variables = { RANK: "3", WORLD_SIZE: "4", MASTER_ADDR: "x", MASTER_PORT: "1" };
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    equal(deviceOf({ hardware: "cpu", ranks: 2 }, SECOND), "cpu");
    equal(deviceOf({ hardware: "mono-gpu", ranks: 1 }, SINGLE_PROCESS), "cuda:0");
    const both = { hardware: "multi-gpu", ranks: 2 } as const;
    if (visibleGpus() >= 2) equal(deviceOf(both, SECOND), "cuda:1");
    else throws(() => deviceOf(both, SECOND), /Cannot give rank 1 a GPU of its own/);
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
});

Deno.test("a GPU that is asked for without the rank is a bug, and not another rank's GPU", () => {
  throws(
    () => deviceOf({ hardware: "multi-gpu", ranks: 2 }, SINGLE_PROCESS),
    (error: Error) => !(error instanceof UserError) && /rank 0 of 1.* of 2/.test(error.message),
  );
});
