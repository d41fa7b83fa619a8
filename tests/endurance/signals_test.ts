import { deepEqual } from "node:assert/strict";
import { signals } from "../campaigns/endurance/signals.ts";

Deno.test("four signals in four phases of a run end it soon with 75, with all saved, and it resumes", async () => {
  for (const { failures } of await signals(8)) deepEqual(failures, []);
});
