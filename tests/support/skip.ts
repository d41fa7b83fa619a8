/**
 * A test that cannot run on this machine says why and ends: `if (folder === undefined) return skip("…")`. The runner
 * (tests/runner/main.ts) counts and lists these; under a plain `deno test` they are only printed.
 *
 * @param reason What is missing, with the command that brings it: completes "SKIPPED: … because".
 * @param name Name of the test; default: the file and line that called.
 */
export function skip(reason: string, name: string = caller()): void {
  const line = `SKIPPED: ${name} because ${reason}`;
  console.log(line);
  const file = Deno.env.get("BYOL_TEST_SKIPS");
  if (file) Deno.writeTextFileSync(file, `${line.replaceAll("\n", " ")}\n`, { append: true });
}

function caller(): string {
  const frames = new Error().stack?.split("\n") ?? [];
  const frame = frames.find((line) => line.includes("/tests/") && !line.includes("/skip.ts"));
  return frame?.match(/tests\/[^:]+:\d+/)?.[0] ?? "a test";
}
