import { deepEqual } from "node:assert/strict";
import { pauses } from "../campaigns/endurance/pauses.ts";

Deno.test("a save stops the training for less than a step", async () => {
  for (const { failures } of await pauses(3)) deepEqual(failures, []);
});
