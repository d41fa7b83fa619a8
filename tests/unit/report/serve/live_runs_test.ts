/** Runs whose files change between two looks. */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { LiveRuns } from "../../../../src/report/serve/live_runs.ts";
import { writeRun } from "../../../support/run_files.ts";

Deno.test("a long run is first known by its ends, then whole", async () => {
  await using run = await writeRun({ steps: 3000, every: 1, totalSteps: 6000, tested: 1000 });
  const runs = new LiveRuns(run.path);
  await runs.poll();
  match(runs.tableRows().join(), /3000 of 6000/);
  const { facts } = runs.runOf(1)!;
  equal(runs.runOf(1)!.isRead, false);
  await runs.readAll(new AbortController().signal);
  equal(runs.runOf(1)!.isRead, true);
  equal(runs.runOf(1)!.facts === facts, false);
  equal(runs.runOf(1)!.facts.curves.get("loss")!.points()[0]![0] < 4, true);
});

Deno.test("a file that is cut short or removed while it is read is not waited for", async () => {
  for (const change of ["cut", "removed"] as const) {
    await using run = await writeRun({ steps: 3000, every: 1, totalSteps: 6000, tested: 1000 });
    const runs = new LiveRuns(run.path);
    await runs.poll();
    const file = join(run.path, "metrics.jsonl");
    if (change === "cut") Deno.truncateSync(file, 200);
    else Deno.removeSync(file);
    await runs.readAll(AbortSignal.timeout(5000));
    equal(runs.runOf(1)!.isRead, true, change);
  }
});
