import { equal, ok } from "node:assert/strict";
import { RunBudget } from "../../../../src/commands/train/run_budget.ts";
import { Ranks } from "../../../../src/distributed/ranks.ts";
import { parseCommandLine } from "../../../../src/options/parse.ts";
import type { BudgetRecord } from "../../../../src/run/record.ts";

const RECORD: BudgetRecord = {
  ...{ epochs: 10, warmupEpochs: 1, steps: 100, evaluations: 2, expectedSeconds: 95 },
  ...{ speeds: [{ size: 24, stepSeconds: 0.5 }, { size: 32, stepSeconds: 1 }], measuredSteps: 9 },
  ...{ startSeconds: 5, evaluationSeconds: 10, saveSeconds: 2 },
};
const END = { agreed: true, endStep: 100 };

/** Returns a budget of 100 s of which so many are spent. */
function budgetAfter(
  seconds: number,
  { record = RECORD, args = [] }: { record?: BudgetRecord; args?: string[] } = {},
): RunBudget {
  const { config } = parseCommandLine("train", ["--time_budget=100s", ...args], {
    ...{ variable: () => undefined, exists: () => false, cores: 1 },
  });
  const startedAt = performance.now() - 1000 * seconds;
  return new RunBudget({ ranks: Ranks.alone(), config }, { record, startedAt });
}

/** Logs rows of steps of so many seconds. */
function rows(budget: RunBudget, stepSeconds: number): void {
  for (let row = 0; row < 20; row++) budget.stepsTook(stepSeconds, 32);
}

Deno.test("a run is late once the rest suffices for saving and evaluation only", () => {
  equal(budgetAfter(80).stopsAfter(50, END), false);
  const late = budgetAfter(88.5);
  equal(late.stopsAfter(50, END), true);
  equal(late.isLate, true);
  // A run without evaluations needs no time for one.
  equal(budgetAfter(88.5, { args: ["--clsf_every=0"] }).stopsAfter(50, END), false);
  equal(budgetAfter(98.5, { args: ["--clsf_every=0"] }).stopsAfter(50, END), true);
});

Deno.test("a run that has reached its last step is not late", () => {
  const done = budgetAfter(120);
  equal(done.stopsAfter(100, END), false);
  equal(done.isLate, false);
});

Deno.test("the evaluation at the end takes as long as the last one, by the present pace of the steps", () => {
  const faster = budgetAfter(92);
  faster.evaluationTook(4);
  equal(faster.stopsAfter(50, END), false);
  const slower = budgetAfter(60);
  equal(slower.stopsAfter(50, END), false);
  // Steps of four times the measured time: the evaluation of 10 s takes 40.
  slower.stepsTook(4, 32);
  // A single row tells little.
  equal(slower.stopsAfter(51, END), false);
  rows(slower, 4);
  equal(slower.stopsAfter(51, END), true);
  // An evaluation at that pace is not priced at it again.
  const steady = budgetAfter(60);
  rows(steady, 4);
  steady.evaluationTook(30);
  rows(steady, 4);
  equal(steady.stopsAfter(51, END), false);
  // Larger views take longer, which is no other pace.
  const larger = budgetAfter(80);
  larger.stepsTook(0.5, 24);
  larger.evaluationTook(10);
  larger.stepsTook(1, 32);
  equal(larger.stopsAfter(51, END), false);
});

Deno.test("a later invocation adds its time to that of its checkpoint", () => {
  const budget = budgetAfter(1000);
  budget.resume(42);
  const { spentSeconds } = budget;
  ok(spentSeconds >= 42 && spentSeconds < 44, `${spentSeconds}`);
  equal(budget.stopsAfter(50, END), false);
  budget.resume(89);
  equal(budget.stopsAfter(50, END), true);
});
