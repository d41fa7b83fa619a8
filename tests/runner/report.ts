/** Results of a run: counts, times, skipped and failed tests. */

import { type Counts, type ReportedTest, sumCounts, summary } from "./counts.ts";

/** Result of one step of a run: a static check, a file of tests, an installation. */
export interface StepResult {
  /** The part of the run, such as "units". */
  part: string;
  /** The step inside the part, such as a file's path. */
  name: string;
  seconds: number;
  /** Seconds of processors that the step took, where they are known. */
  cpuSeconds?: number;
  counts: Counts;
  /** The tests that are known by name. */
  tests: readonly ReportedTest[];
  /** A line for each test that was skipped, with the reason. */
  skipped: readonly string[];
  /** A line for each failure that belongs to no test, such as a time-out. */
  problems: readonly string[];
}

const SLOWEST = 20;
const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

/** Returns the result of a step that holds no tests. */
export function stepWithoutTests(part: string, name: string, seconds: number): StepResult {
  return { part, name, seconds, counts: NOTHING, tests: [], skipped: [], problems: [] };
}

/** Returns what the end of a run prints: times, slowest tests, skipped tests, failures, and the line of counts. */
export function report(steps: readonly StepResult[], wallSeconds: number): string {
  return [
    ...timesOf(steps),
    `${seconds(wallSeconds)} ${cpuOf(steps)}  all, by the clock`,
    "",
    ...slowest(steps),
    ...steps.flatMap(({ skipped }) => skipped),
    ...steps.flatMap(failuresOf),
    summary(totalOf(steps)),
  ].join("\n");
}

/** Returns the counts of all steps. */
export function totalOf(steps: readonly StepResult[]): Counts {
  return sumCounts(steps.map(({ counts }) => counts));
}

/** Lists parts with their steps. A part's seconds are those of its steps, of which several may have run at once. */
function timesOf(steps: readonly StepResult[]): string[] {
  const parts = [...new Set(steps.map(({ part }) => part))];
  const lines = parts.flatMap((part) => {
    const own = steps.filter((step) => step.part === part);
    const counts = totalOf(own);
    const tested = counts.passed + counts.failed + counts.skipped > 0;
    const taken = own.reduce((sum, { seconds }) => sum + seconds, 0);
    return [
      `${seconds(taken)} ${cpuOf(own)}  ${part}${tested ? `: ${summary(counts)}` : ""}`,
      ...own.toSorted((a, b) => b.seconds - a.seconds)
        .map((step) => `${seconds(step.seconds)} ${cpuOf([step])}    ${step.name}`),
    ];
  });
  return [
    "== seconds of each part and of each step inside, by the clock and of processors",
    ...lines,
  ];
}

function cpuOf(steps: readonly StepResult[]): string {
  const known = steps.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  return known.length === 0 ? " ".repeat(7) : seconds(known.reduce((sum, one) => sum + one));
}

function slowest(steps: readonly StepResult[]): string[] {
  const tests = steps.flatMap(({ name, tests }) => tests.map((test) => ({ ...test, file: name })));
  if (tests.length === 0) return [];
  const first = tests.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const lines = first.map((test) => `${seconds(test.seconds)}  ${test.file}: ${test.name}`);
  return [`== the ${first.length} slowest of ${tests.length} tests`, ...lines, ""];
}

function failuresOf({ name, tests, problems }: StepResult): string[] {
  const failed = tests.filter(({ outcome }) => outcome === "failed");
  return [...failed.map((test) => test.name), ...problems].map((what) =>
    `FAILED: ${name}: ${what}`
  );
}

function seconds(value: number): string {
  return value.toFixed(1).padStart(7);
}
