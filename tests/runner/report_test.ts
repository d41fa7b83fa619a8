import { deepEqual, match } from "node:assert/strict";
import { report, type StepResult, stepWithoutTests } from "./report.ts";

const NONE = { skipped: [], problems: [] };

const STEPS: StepResult[] = [
  stepWithoutTests("set-up", "libtorch", 40),
  {
    ...{ part: "units", name: "a_test.ts", seconds: 3.04, cpuSeconds: 2.5, ...NONE },
    counts: { passed: 1, failed: 1, skipped: 0 },
    tests: [
      { name: "good", outcome: "passed", seconds: 1 },
      { name: "bad", outcome: "failed", seconds: 2 },
    ],
  },
  {
    ...{ part: "units", name: "b_test.ts", seconds: 5, tests: [] },
    counts: { passed: 0, failed: 1, skipped: 1 },
    skipped: ["SKIPPED: c because there is no GPU"],
    problems: ["it took more than 4 s"],
  },
];

Deno.test("the report holds times by part, the slowest tests, skips, failures and the counts last", () => {
  deepEqual(report(STEPS, 44).split("\n"), [
    "== seconds of each part and of each step inside, by the clock and of processors",
    "   40.0          set-up",
    "   40.0            libtorch",
    "    8.0     2.5  units: 1 passed, 2 failed, 1 skipped",
    "    5.0            b_test.ts",
    "    3.0     2.5    a_test.ts",
    "   44.0     2.5  all, by the clock",
    "",
    "== the 2 slowest of 2 tests",
    "    2.0  a_test.ts: bad",
    "    1.0  a_test.ts: good",
    "",
    "SKIPPED: c because there is no GPU",
    "FAILED: a_test.ts: bad",
    "FAILED: b_test.ts: it took more than 4 s",
    "1 passed, 2 failed, 1 skipped",
  ]);
});

Deno.test("of many tests twenty are listed", () => {
  const tests = Array.from({ length: 50 }, (_, index) => ({
    ...{ name: `test ${index}`, outcome: "passed" as const, seconds: index },
  }));
  const text = report([{ ...STEPS[1]!, tests }], 1);
  match(text, /the 20 slowest of 50 tests\n +49\.0 .*test 49\n/);
  match(text, /test 30\n\n1 passed/);
});
