import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { type DenoTestOptions, runFile } from "./deno_tests.ts";
import type { StepResult } from "./report.ts";

/** Runs a file with this text as the runner does. */
async function resultOf(text: string, options: Partial<DenoTestOptions> = {}): Promise<StepResult> {
  const folder = await Deno.makeTempDir({ prefix: "byol-file-" });
  try {
    const path = join(folder, "some_test.ts");
    await Deno.writeTextFile(path, text);
    const { signal } = new AbortController();
    return await runFile(
      { path, part: "units" },
      { names: [], signal, print: () => {}, ...options },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a file's tests are counted, and one that skips itself is listed with its reason", async () => {
  const skip = new URL("../support/skip.ts", import.meta.url).href;
  const { counts, skipped, problems } = await resultOf(`
    import { skip } from "${skip}";
    Deno.test("good", () => {});
    Deno.test("bad", () => { throw new Error("no"); });
    Deno.test("absent", () => skip("there is no GPU"));
    Deno.test("by name", () => skip("there is no disk", "by name"));
    Deno.test({ name: "ignored", ignore: true, fn() {} });
    for (const name of ["odd", "even"]) {
      Deno.test(name, () => name === "odd" ? skip("it is odd", name) : undefined);
    }
  `);
  deepEqual(counts, { passed: 2, failed: 1, skipped: 4 });
  deepEqual(skipped.map((line) => line.replace(/: \S+some_test/, ": some_test")), [
    "SKIPPED: some_test.ts: absent because there is no GPU",
    "SKIPPED: some_test.ts: by name because there is no disk",
    "SKIPPED: some_test.ts: odd because it is odd",
    "SKIPPED: some_test.ts: ignored because its file ignores it",
  ]);
  deepEqual(problems, []);
});

Deno.test("a test that skips itself in a helper is listed by its own name", async () => {
  const skip = new URL("../support/skip.ts", import.meta.url).href;
  const { skipped } = await resultOf(`
    import { skip } from "${skip}";
    Deno.test("first", () => {});
    const helper = async () => {
      await Promise.resolve();
      return skip("a disk is full");
    };
    Deno.test("second", async () => {
      await helper();
    });
    Deno.test("third", () => {});
  `);
  equal(skipped.length, 1);
  match(skipped[0]!, /some_test\.ts: second because a disk is full$/);
});

Deno.test("a filter's skips are those of the tests that it picks", async () => {
  const skip = new URL("../support/skip.ts", import.meta.url).href;
  const { counts, skipped } = await resultOf(
    `
    import { skip } from "${skip}";
    Deno.test("absent", () => skip("there is no GPU"));
    Deno.test({ name: "ignored", ignore: true, fn() {} });
  `,
    { names: ["absent"] },
  );
  deepEqual(counts, { passed: 0, failed: 0, skipped: 1 });
  equal(skipped.length, 1);
});

Deno.test("what a file's tests write comes in one piece, with a line of counts", async () => {
  const pieces: string[] = [];
  const text = `Deno.test("one", () => { console.log("said"); console.error("complained"); });`;
  await resultOf(text, { print: (piece) => pieces.push(piece) });
  equal(pieces.length, 1);
  match(
    pieces[0]!,
    /said\ncomplained\n[\s\S]*\n-- .*some_test\.ts: 1 passed, 0 failed in [\d.]+ s\n$/,
  );
});

Deno.test("a filter picks tests by a part of their name", async () => {
  const text = `
    Deno.test("one (1)", () => {});
    Deno.test("two", () => { throw new Error("no"); });
  `;
  deepEqual((await resultOf(text, { names: ["(1)"] })).counts, {
    passed: 1,
    failed: 0,
    skipped: 0,
  });
});

Deno.test("a file that hangs is ended after its time and counts as failed", async () => {
  const text = `Deno.test("endless", () => { for (;;); });`;
  const { counts, problems } = await resultOf(text, { timeoutSeconds: 2 });
  deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  deepEqual(problems, ["it took more than 2 s"]);
});

Deno.test("a file without a test counts as failed", async () => {
  const { counts, problems } = await resultOf("export const x = 1;");
  deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  deepEqual(problems, ["there is no test in it"]);
});

Deno.test("a file that fails outside its tests counts as failed", async () => {
  const late = `
    Deno.test("good", () => {});
    addEventListener("unload", () => Deno.kill(Deno.pid, "SIGKILL"));
  `;
  for (const text of ['throw new Error("at once");', "const x = ;", late]) {
    const { counts, problems } = await resultOf(text);
    equal(counts.failed, 1, text);
    match(problems.join() || "a test", /the process failed beside its tests|a test/);
  }
});
