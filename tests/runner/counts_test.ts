import assert from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { countCargo, countJunit, readCargo, readJunit, summary } from "./counts.ts";

/** Runs `deno test` on a file with this text and returns its JUnit report. */
async function junitOf(text: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "byol-counts-" });
  try {
    const [file, report] = [join(folder, "some_test.ts"), join(folder, "junit.xml")];
    Deno.writeTextFileSync(file, text);
    await new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--no-config",
        "--no-check",
        "--allow-env",
        "--allow-write",
        `--junit-path=${report}`,
        file,
      ],
      stdout: "null",
      stderr: "null",
      env: { BYOL_TEST_SKIPS: join(folder, "skips.txt") },
    }).output();
    const skips = [...Deno.readDirSync(folder)].some(({ name }) => name === "skips.txt");
    return Deno.readTextFileSync(report) +
      (skips ? Deno.readTextFileSync(join(folder, "skips.txt")) : "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("tests of a real report are counted as passed, failed and ignored", async () => {
  const report = await junitOf(`
    Deno.test("one", () => {});
    Deno.test("two <skipped />", async (t) => { await t.step("inner", () => {}); });
    Deno.test("five > six", async (t) => { await t.step("inner", () => { throw new Error("no"); }); });
    Deno.test({ name: "four", ignore: true, fn() {} });
  `);
  assert.deepEqual(countJunit(report), { passed: 2, failed: 1, skipped: 1 });
  assert.deepEqual(readJunit(report).map(({ name, outcome }) => [name, outcome]), [
    ["one", "passed"],
    ["two <skipped />", "passed"],
    ["five > six", "failed"],
    ["four", "skipped"],
  ]);
});

Deno.test("a test's seconds are those of a real report", async () => {
  const report = await junitOf(`
    Deno.test("slow", () => new Promise((done) => setTimeout(done, 300)));
  `);
  const [slow, ...others] = readJunit(report);
  assert.deepEqual(others, []);
  assert(slow!.seconds > 0.25 && slow!.seconds < 10, `${slow!.seconds} s`);
});

Deno.test("a test that skips itself leaves a line with its place and reason", async () => {
  const skip = new URL("../support/skip.ts", import.meta.url).href;
  const report = await junitOf(`
    import { skip } from "${skip}";
    Deno.test("one", () => skip("there is no GPU", "tests/some_test.ts"));
  `);
  assert.match(report, /^SKIPPED: tests\/some_test\.ts because there is no GPU$/m);
});

Deno.test("cargo's results are added up over its test programs", () => {
  const output = [
    "running 3 tests",
    "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
  ].join("\n");
  assert.deepEqual(countCargo(output), { passed: 5, failed: 4, skipped: 1 });
});

Deno.test("cargo's tests have the time from the line before", () => {
  const lines = [
    { text: "running 2 tests", seconds: 10 },
    { text: "test a::b ... ok", seconds: 12 },
    { text: "test c - should panic ... FAILED", seconds: 12.5 },
    { text: "test d ... ignored, wants a GPU", seconds: 12.5 },
    {
      text: "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out",
      seconds: 13,
    },
  ];
  assert.deepEqual(readCargo(lines), [
    { name: "a::b", outcome: "passed", seconds: 2 },
    { name: "c - should panic", outcome: "failed", seconds: 0.5 },
    { name: "d", outcome: "skipped", seconds: 0 },
  ]);
});

Deno.test("the last line names skipped tests only when there are some", () => {
  assert.equal(summary({ passed: 3, failed: 1, skipped: 0 }), "3 passed, 1 failed");
  assert.equal(summary({ passed: 3, failed: 0, skipped: 2 }), "3 passed, 0 failed, 2 skipped");
});

Deno.test("the runner refuses an unknown option and an unknown part", async () => {
  const cases: [string, RegExp][] = [
    ["--onyl=units", /--onyl/],
    ["--only=unit", /Cannot use --only=unit: expected set-up, units, parity/],
  ];
  for (const [option, message] of cases) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        "--allow-read",
        join(projectRoot, "tests/runner/main.ts"),
        option,
      ],
    }).output();
    assert.equal(code, 2);
    assert.match(new TextDecoder().decode(stderr), message);
  }
});
