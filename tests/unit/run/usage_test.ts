import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { runFolderAt } from "../../../src/run/folder.ts";
import { readUsage, StepSeconds, usageLines, usageOf } from "../../../src/run/usage.ts";
import { UsageLedger } from "../../../src/run/usage_ledger.ts";
import type { MetricsRow } from "../../../src/run/metrics.ts";
import { inFolder } from "../../support/in_folder.ts";

const GPU_NODE = { ranks: 4, gpus: 4, cores: 40, hours_factor: 2, grams_per_kwh: 50 };

function trainRow(step: number, imagesPerSecond: number): MetricsRow {
  return {
    ...{ kind: "train", step, epoch: 1, loss: 1, learning_rate: 1, tau: 1, embedding_std: 1 },
    images_per_second: imagesPerSecond,
  };
}

Deno.test("hours, energy and carbon add up over invocations, on other numbers of GPUs too", () => {
  const time = "2026-11-30T00:00:00.000Z";
  const usage = usageOf({
    invocations: [
      { time, ...GPU_NODE, seconds: 3600, joules: 7_200_000 },
      { time, ...GPU_NODE, ranks: 8, gpus: 8, cores: 80, seconds: 1800, joules: 3_600_000 },
    ],
    step_rank_seconds: 0.9 * (4 * 3600 + 8 * 1800),
  });
  deepEqual(usage, {
    invocations: 2,
    granted_seconds: 5400,
    core_seconds: 40 * 3600 + 80 * 1800,
    gpu_seconds: 8 * 3600,
    normalised_hours: 16,
    joules: 10_800_000,
    grams_co2e: 150,
    goodput: 0.9,
  });
  deepEqual(usageLines(usage), [
    ["GPU-hours", "8"],
    ["core-hours", "80"],
    ["normalised hours", "16"],
    ["energy of the GPUs", "3 kWh"],
    ["carbon", "150 g CO2e"],
    ["goodput", "90.0 % of 1.5 h granted in 2 invocations"],
  ]);
});

Deno.test("what was not measured is absent, not zero", () => {
  const one = { time: "", ranks: 1, gpus: 1, cores: 8, seconds: 3600 };
  const partly = usageOf({
    invocations: [{ ...one, joules: 5 }, one],
    step_rank_seconds: 3600,
  });
  deepEqual(Object.keys(partly), [
    ...["invocations", "granted_seconds", "core_seconds", "gpu_seconds", "goodput"],
  ]);
  const onCpu = usageOf({ invocations: [{ ...one, gpus: 0 }], step_rank_seconds: 0 });
  deepEqual(Object.keys(onCpu), ["invocations", "granted_seconds", "core_seconds", "goodput"]);
});

Deno.test("time in steps counts each kept step once, on the ranks that computed it", () => {
  const steps = new StepSeconds(100);
  steps.add({ kind: "run", step: 0, time: "", ranks: 2 });
  steps.add(trainRow(9, 500));
  steps.add({ kind: "run", step: 10, time: "", ranks: 4 });
  steps.add(trainRow(19, 1000));
  equal(steps.total, 10 * 100 / 500 * 2 + 10 * 100 / 1000 * 4);
});

Deno.test("the account of a run goes over invocations, and begins anew where it is damaged", async () => {
  await inFolder((path) => {
    const folder = runFolderAt(path);
    let clock = 1000;
    const warnings: string[] = [];
    const open = (kept: MetricsRow[]): UsageLedger =>
      new UsageLedger(folder, {
        ...{ invocation: GPU_NODE, startedAt: clock - 1000, batchSize: 100, kept },
        ...{ warn: (line: string) => warnings.push(line), now: () => clock },
      });
    const rows: MetricsRow[] = [{ kind: "run", step: 0, time: "", ranks: 4 }, trainRow(9, 1000)];
    const first = open([]);
    rows.forEach((row) => first.add(row));
    clock += 1000;
    first.stepDone();
    first.used(400);
    clock += 8000;
    first.stepDone();
    equal(readUsage(folder)!.invocations[0]!.seconds, 1, "written when it was opened");
    clock += 2000;
    first.stepDone();
    // As a kill leaves it: the last write is of the last step.
    const killed = readUsage(folder)!.invocations[0]!;
    deepEqual([killed.seconds, killed.first_step_seconds, killed.last_step_seconds], [12, 2, 12]);
    equal(killed.joules, 400);

    const second = open(rows);
    second.used(600);
    clock += 10_000;
    const usage = second.usage();
    deepEqual([usage.invocations, usage.granted_seconds, usage.joules], [2, 23, 1000]);
    equal(usage.goodput, 10 * 100 / 1000 / 23);

    for (const text of ["{", "[]", "null", '{"invocations":[{"seconds":-1}]}']) {
      Deno.writeTextFileSync(join(path, "usage.json"), text);
      equal(readUsage(folder), undefined, text);
    }
    const anew = open(rows).usage();
    deepEqual([anew.invocations, anew.is_incomplete, anew.goodput], [1, true, undefined]);
    equal(warnings.length, 1);
    equal(usageLines(anew).some(([name]) => name === "not counted"), true);
  });
});
