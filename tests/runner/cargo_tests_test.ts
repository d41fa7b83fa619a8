import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "./child.ts";
import { countCargo, readCargo, type StampedLine } from "./counts.ts";

const CRATE = {
  "Cargo.toml": `[package]
name = "some-crate"
version = "0.1.0"
edition = "2021"
`,
  "src/lib.rs": `#[cfg(test)]
mod tests {
    #[test]
    fn a_slow() {
        std::thread::sleep(std::time::Duration::from_millis(400));
    }
    #[test]
    fn b_bad() {
        assert_eq!(1, 2);
    }
    #[test]
    #[ignore = "wants a GPU"]
    fn c_absent() {}
    #[test]
    #[should_panic]
    fn d_panics() {
        panic!("as expected");
    }
}
`,
};

Deno.test("tests of a real crate are read with their times, their outcomes and their number", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-crate-" });
  const lines: StampedLine[] = [];
  try {
    for (const [path, text] of Object.entries(CRATE)) {
      await Deno.mkdir(join(folder, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, path), text);
    }
    const { success, output } = await runProgram({
      words: ["cargo", "test", "--offline", `--manifest-path=${join(folder, "Cargo.toml")}`],
      env: { RUST_TEST_THREADS: "1", CARGO_TARGET_DIR: join(folder, "target") },
      timeoutSeconds: 300,
      signal: new AbortController().signal,
      onLine: (line) => lines.push(line),
    });
    equal(success, false);
    const tests = readCargo(lines);
    deepEqual(tests.map(({ name, outcome }) => [name, outcome]), [
      ["tests::a_slow", "passed"],
      ["tests::b_bad", "failed"],
      ["tests::c_absent", "skipped"],
      ["tests::d_panics - should panic", "passed"],
    ]);
    ok(tests[0]!.seconds >= 0.35, `${tests[0]!.seconds} s`);
    // After a program with a failure cargo runs none of those that come next.
    deepEqual(countCargo(output), { passed: 2, failed: 1, skipped: 1 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
