import { deepEqual } from "node:assert/strict";
import { kills } from "../campaigns/endurance/kills.ts";

Deno.test("ten kills -9, some during a save, leave a whole checkpoint and lose at most an interval", async () => {
  for (const { failures } of await kills(10)) deepEqual(failures, []);
});
