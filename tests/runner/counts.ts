/** How many tests ran, read from what the test programs report. */

/** Numbers of tests. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The sum of several counts. */
export function sumCounts(counts: Counts[]): Counts {
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
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const cases = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g)];
  const names = new Set(cases.map(([, name]) => name));
  for (const [text, name = ""] of cases) {
    if (isStep(name, names)) continue;
    if (/<(failure|error)\b/.test(text)) counts.failed += 1;
    else if (/<skipped\b/.test(text)) counts.skipped += 1;
    else counts.passed += 1;
  }
  return counts;
}

/** A step is reported as "test > step". */
function isStep(name: string, names: Set<string | undefined>): boolean {
  const parts = name.split(" &gt; ");
  return parts.some((_, end) => end > 0 && names.has(parts.slice(0, end).join(" &gt; ")));
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

/** The last line of a run: `3 passed, 0 failed`, and how many were skipped when some were. */
export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}
