/**
 * A test that cannot run on this machine says why and ends: `if (folder === undefined) return skip("…")`. The runner
 * (tests/runner/main.ts) counts and lists these; under a plain `deno test` they are only printed.
 *
 * @param reason What is missing, with the command that brings it: completes "SKIPPED: … because".
 * @param name Name of the test; default: the file and line that called, by which the runner finds the name.
 */
export function skip(reason: string, name: string = caller()): void {
  const line = `SKIPPED: ${name} because ${reason}`;
  console.log(line);
  const file = Deno.env.get("BYOL_TEST_SKIPS");
  if (file) Deno.writeTextFileSync(file, `${line.replaceAll("\n", " ")}\n`, { append: true });
}

/** Returns file and line in the body of the test: the outermost frame of a file of tests. */
function caller(): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const frames = new Error().stack?.split("\n") ?? [];
  Error.stackTraceLimit = before;
  const frame = frames.findLast((line) => line.includes("_test.ts:")) ?? "";
  return /((?:tests|bench)\/[^:]+_test\.ts:\d+)/.exec(frame)?.[1] ??
    /([^/]+_test\.ts:\d+)/.exec(frame)?.[1] ?? "a test";
}
