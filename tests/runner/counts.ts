/** Which tests ran and how they ended, read from what the test programs report. */

/** Numbers of tests. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A test that a report names. */
export interface ReportedTest {
  name: string;
  outcome: keyof Counts;
  seconds: number;
  /** Line of the test in its file, where the report has it. */
  line?: number;
}

/** Returns the sum of several counts. */
export function sumCounts(counts: readonly Counts[]): Counts {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of counts) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}

/** Counts the tests of a JUnit report of `deno test`; a step belongs to its test, which fails when one of its steps does. */
export function countJunit(xml: string): Counts {
  return countTests(readJunit(xml));
}

/** Counts tests by how they ended. */
export function countTests(tests: readonly ReportedTest[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of tests) counts[outcome] += 1;
  return counts;
}

/** Reads the tests of a JUnit report of `deno test`, without their steps. */
export function readJunit(xml: string): ReportedTest[] {
  const cases = [
    ...xml.matchAll(/<testcase name="([^"]*)"([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g),
  ];
  const names = new Set(cases.map(([, name]) => name));
  return cases.filter(([, name = ""]) => !isStep(name, names)).map(
    ([, name = "", attributes = "", content = ""]) => ({
      name: unescaped(name),
      outcome: outcomeOf(content),
      seconds: Number(/ time="([\d.]+)"/.exec(attributes)?.[1] ?? 0),
      line: Number(/ line="(\d+)"/.exec(attributes)?.[1] ?? 0),
    }),
  );
}

function outcomeOf(content: string): keyof Counts {
  if (/<(failure|error)\b/.test(content)) return "failed";
  return /<skipped\b/.test(content) ? "skipped" : "passed";
}

/** A step is reported as "test > step". */
function isStep(name: string, names: Set<string | undefined>): boolean {
  const parts = name.split(" &gt; ");
  return parts.some((_, end) => end > 0 && names.has(parts.slice(0, end).join(" &gt; ")));
}

function unescaped(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => characters[name]!);
}

/** Adds up the lines `test result: …` of `cargo test`. */
export function countCargo(output: string): Counts {
  const lines = output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm,
  );
  return sumCounts([...lines].map(([, passed, failed, ignored]) => ({
    passed: Number(passed),
    failed: Number(failed),
    skipped: Number(ignored),
  })));
}

/** A line of a program's output and when it ended, in seconds since the program began. */
export interface StampedLine {
  text: string;
  seconds: number;
}

/**
 * Reads the tests of `cargo test` run one at a time (RUST_TEST_THREADS=1). The time of a test is the time from the line
 * before its own: cargo reports none.
 */
export function readCargo(lines: readonly StampedLine[]): ReportedTest[] {
  return lines.flatMap(({ text, seconds }, index) => {
    const [, name = "", word = ""] = /^test (.+) \.\.\. .*?\b(ok|FAILED|ignored)\b/.exec(text) ??
      [];
    if (name === "") return [];
    const outcome = word === "ok" ? "passed" : word === "FAILED" ? "failed" : "skipped";
    return [{ name, outcome, seconds: seconds - (lines[index - 1]?.seconds ?? seconds) }];
  });
}

/** Returns the last line of a run: `3 passed, 0 failed`, with the number of skipped tests when there are some. */
export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}
