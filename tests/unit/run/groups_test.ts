import { equal, match } from "node:assert/strict";
import { applyChoice } from "../../../src/options/budget.ts";
import { readMetrics } from "../../../src/run/metrics_file.ts";
import { runFolderAt } from "../../../src/run/folder.ts";
import { differenceBetween, type EvaluatedRun, groupsOf } from "../../../src/run/groups.ts";
import { readRunRecord } from "../../../src/run/record.ts";
import { writeRun } from "../../support/run_files.ts";

const SHAPE = { steps: 100, every: 10, totalSteps: 100 };

/** Returns a run, whose budget has chosen its epochs where there is one. */
async function run(
  seed: number,
  budget?: { epochs: number; text?: string },
): Promise<EvaluatedRun> {
  await using folder = await writeRun({ ...SHAPE, seed });
  const paths = runFolderAt(folder.path);
  const record = readRunRecord(paths)!;
  if (budget !== undefined) {
    record.config.timeBudget = budget.text ?? "10m";
    applyChoice(record.config, record.origins, { epochs: budget.epochs, warmupEpochs: 1 });
  }
  const evaluations = readMetrics(paths.metricsFile).filter((row) => row.kind === "eval");
  return { record, evaluations };
}

Deno.test("epochs that budgets chose decide the group, and the budgets themselves do not", async () => {
  const [one, same, other, fixed, hour] = [
    await run(0, { epochs: 10 }),
    await run(1, { epochs: 10 }),
    await run(2, { epochs: 11 }),
    await run(3),
    await run(4, { epochs: 10, text: "1h" }),
  ];
  equal(groupsOf([one, same]).length, 1);
  equal(groupsOf([one, same, other]).length, 2);
  match(differenceBetween(one, other), /^--nb_epochs=10 there, 11 here$/);
  // A run of as many epochs without a budget is the same run, bit for bit.
  equal(groupsOf([one, fixed, hour]).length, 1);
});
