/** A file of TypeScript tests in a process of its own. */

import { join } from "node:path";
import { exists } from "../../src/base/files.ts";
import { runProgram } from "./child.ts";
import { countTests, readJunit, type ReportedTest, summary } from "./counts.ts";
import type { StepResult } from "./report.ts";
import { TIMEOUT_SECONDS } from "./schedule.ts";

/** A file of tests, and the part of the run that its results belong to. */
export interface PartFile {
  path: string;
  part: string;
}

/** Options of running a file. */
export interface DenoTestOptions {
  /** Parts of the names of the tests to run; all when empty. */
  names: readonly string[];
  signal: AbortSignal;
  /** The seconds after which the file counts as hanging; default: its part's. */
  timeoutSeconds?: number;
  /** Is given what the tests wrote, in one piece; default: printed. */
  print?: (text: string) => void;
}

/** One thread of libtorch where a test asks for no other number: files run side by side. */
const ENVIRONMENT = { OMP_NUM_THREADS: "1" };

/** Runs the tests of a file. */
export async function runFile(
  { path, part }: PartFile,
  { names, signal, timeoutSeconds, print = console.log }: DenoTestOptions,
): Promise<StepResult> {
  const folder = await Deno.makeTempDir({ prefix: "byol-tests-" });
  const [junit, skips] = [join(folder, "junit.xml"), join(folder, "skips.txt")];
  // Types have been checked once for all. Deno opens /dev/full, which a test writes to, for nothing less than all.
  const words = [Deno.execPath(), "test", "--allow-all", "--no-check", `--junit-path=${junit}`];
  if (names.length > 0) words.push(`--filter=/${names.map(escaped).join("|")}/`);
  try {
    const { success, output, seconds, cpuSeconds, stopped } = await runProgram({
      words: [...words, path],
      env: { ...ENVIRONMENT, BYOL_TEST_SKIPS: skips },
      timeoutSeconds: timeoutSeconds ??
        (part === "slurm" ? TIMEOUT_SECONDS.slurm : TIMEOUT_SECONDS.file),
      signal,
    });
    const tests = exists(junit) ? readJunit(Deno.readTextFileSync(junit)) : [];
    const skipped = exists(skips) ? Deno.readTextFileSync(skips).trim().split("\n") : [];
    const result = resultOf({ path, tests, skipped, success, stopped, filtered: names.length > 0 });
    const line = `-- ${path}: ${summary(result.counts)} in ${seconds.toFixed(1)} s`;
    const ended = stopped === undefined ? "" : ` (ended: ${stopped})`;
    const nothingRan = success && result.tests.length === 0 && names.length > 0;
    if (!nothingRan) print(`${output.trimEnd()}\n${line}${ended}\n`);
    return { part, name: path, seconds, cpuSeconds, ...result };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Result of a file's process. */
interface FileEnd {
  path: string;
  tests: ReportedTest[];
  skipped: string[];
  success: boolean;
  stopped?: string;
  filtered: boolean;
}

function resultOf(
  { path, tests, skipped, success, stopped, filtered }: FileEnd,
): Pick<StepResult, "counts" | "tests" | "skipped" | "problems"> {
  // What a filter leaves out stands in the report as skipped.
  const run = filtered ? tests.filter(({ outcome }) => outcome !== "skipped") : tests;
  const counts = countTests(run);
  // A test that skips itself ends without an error: for Deno it has passed.
  counts.passed -= skipped.length;
  counts.skipped += skipped.length;
  const problems: string[] = [];
  // A program may fail before or after its tests: a file that does not compile, a leak at the end, a time-out.
  if (!success && (counts.failed === 0 || stopped !== undefined)) {
    counts.failed += 1;
    problems.push(stopped ?? "the process failed beside its tests");
  }
  if (success && tests.length === 0) {
    counts.failed += 1;
    problems.push("there is no test in it");
  }
  const ignored = run.filter(({ outcome }) => outcome === "skipped")
    .map(({ name }) => `SKIPPED: ${path}: ${name} because its file ignores it`);
  const named = skipped.map((line) => namedSkip(line, { path, tests }));
  return { counts, tests: run, skipped: [...named, ...ignored], problems };
}

/**
 * Returns the line of a test that has skipped itself, with the test's name in place of the line in the file. The test
 * is the last one that begins at or before that line.
 */
function namedSkip(line: string, { path, tests }: Pick<FileEnd, "path" | "tests">): string {
  const [, what = "", reason = ""] = /^SKIPPED: (.*?) because (.*)$/.exec(line) ?? [];
  const [, file, at] = /^(\S+_test\.ts):(\d+)$/.exec(what) ?? [];
  const test = file !== undefined && path.endsWith(file)
    ? tests.findLast((test) => (test.line ?? 0) <= Number(at))
    : undefined;
  return `SKIPPED: ${path}: ${test?.name ?? what} because ${reason}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
