import assert from "node:assert/strict";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { Metrics, type MetricsRow } from "../../../src/run/metrics.ts";
import { JsonLinesSink, readMetrics, truncateAfter } from "../../../src/run/metrics_file.ts";
import type { TrainRow } from "../../../src/byol/train_row.ts";
import { evalRow, trainRow } from "../../support/metrics_rows.ts";
import { inFolder } from "../../support/in_folder.ts";

const STORY: MetricsRow[] = [
  { kind: "run", step: 0, time: "2026-01-01T00:00:00Z", threads: 2 },
  evalRow(0, 0, 30),
  trainRow(0),
  trainRow(5),
  trainRow(9),
  evalRow(10, 1, 40),
  trainRow(10),
  trainRow(15),
  { kind: "run", step: 16, time: "2026-01-01T01:00:00Z", threads: 2 },
  trainRow(19),
  evalRow(20, 2, 50),
];

function write(path: string, rows: MetricsRow[]): void {
  using metrics = new Metrics([new JsonLinesSink(path)]);
  for (const row of rows) metrics.write(row);
  metrics.flush();
}

Deno.test("rows go to a file, one JSON object a line, and a second invocation adds to it", async () => {
  await inFolder((folder) => {
    const path = join(folder, "metrics.jsonl");
    write(path, STORY.slice(0, 4));
    write(path, STORY.slice(4));
    const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
    assert.equal(lines.length, STORY.length);
    assert.deepEqual(lines.map((line) => JSON.parse(line)), STORY);
    assert.deepEqual(readMetrics(path), STORY);
  });
});

Deno.test("every sink gets every row; after close a row is an error, not lost", async () => {
  await inFolder((folder) => {
    const paths = ["a", "b"].map((name) => join(folder, name));
    const metrics = new Metrics(paths.map((path) => new JsonLinesSink(path)));
    metrics.write(STORY[0]!);
    metrics.close();
    metrics.close();
    for (const path of paths) assert.deepEqual(readMetrics(path), [STORY[0]]);
    assert.throws(() => metrics.write(STORY[1]!), /it is closed/);
  });
});

Deno.test("a number that is not finite is written by name", async () => {
  await inFolder((folder) => {
    const path = join(folder, "m");
    write(path, [trainRow(0, NaN), trainRow(1, Infinity)]);
    const losses = readMetrics(path).map((row) => (row as TrainRow).loss);
    assert.deepEqual(losses, ["NaN", "Infinity"]);
  });
});

Deno.test("a resume at step N keeps what came before step N, and evaluations up to it", async () => {
  await inFolder((folder) => {
    const path = join(folder, "m");
    const keptSteps = (nextStep: number): string[] => {
      Deno.writeTextFileSync(path, STORY.map((row) => `${JSON.stringify(row)}\n`).join(""));
      const kept = truncateAfter(path, nextStep);
      assert.deepEqual(readMetrics(path), kept);
      return kept.map((row) => `${row.kind} ${row.step}`);
    };
    assert.deepEqual(keptSteps(0), ["run 0", "eval 0"]);
    assert.deepEqual(keptSteps(10), [
      "run 0",
      "eval 0",
      "train 0",
      "train 5",
      "train 9",
      "eval 10",
    ]);
    assert.deepEqual(keptSteps(16).at(-1), "run 16");
    assert.equal(keptSteps(16).length, 9);
    assert.equal(keptSteps(20).length, STORY.length);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["m"]);
  });
});

Deno.test("a run that was cut and resumed has the rows of an unbroken one", async () => {
  await inFolder((folder) => {
    const [cut, unbroken] = [join(folder, "cut"), join(folder, "unbroken")];
    const rows = Array.from({ length: 20 }, (_, step) => trainRow(step));
    write(unbroken, rows);
    write(cut, rows.slice(0, 13));
    truncateAfter(cut, 10);
    write(cut, rows.slice(10));
    assert.equal(Deno.readTextFileSync(cut), Deno.readTextFileSync(unbroken));
  });
});

Deno.test("a last line cut short by a crash is dropped, and the file made whole", async () => {
  await inFolder((folder) => {
    const path = join(folder, "m");
    write(path, [trainRow(0), trainRow(1)]);
    const whole = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, whole.slice(0, -7));
    assert.deepEqual(readMetrics(path), [trainRow(0)]);
    assert.deepEqual(truncateAfter(path, 10), [trainRow(0)]);
    assert.equal(Deno.readTextFileSync(path), `${JSON.stringify(trainRow(0))}\n`);
  });
});

Deno.test("nothing to drop leaves the file untouched; no file is no rows", async () => {
  await inFolder((folder) => {
    const path = join(folder, "m");
    assert.deepEqual(truncateAfter(path, 3), []);
    write(path, STORY);
    const before = Deno.statSync(path).ino;
    truncateAfter(path, 20);
    assert.equal(Deno.statSync(path).ino, before);
  });
});

Deno.test("a damaged line is named", async () => {
  await inFolder((folder) => {
    const path = join(folder, "m");
    const good = JSON.stringify(trainRow(0));
    for (const bad of ["{", "null", "[]", '{"kind":"train"}', '{"kind":"test","step":1}', ""]) {
      const text = `${good}\n${bad}\n${good}\n`;
      Deno.writeTextFileSync(path, text);
      assert.throws(() => truncateAfter(path, 1), (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.exitCode, ExitCode.runFolder);
        assert.match(error.message, /m:2: expected a JSON object/);
        return true;
      });
      assert.equal(Deno.readTextFileSync(path), text, "the file was touched");
    }
  });
});

Deno.test("a full disk and a folder in the way have their own exit codes", async () => {
  const codeOf = (act: () => void): ExitCode | undefined => {
    try {
      act();
    } catch (error) {
      if (error instanceof UserError) return error.exitCode;
      throw error;
    }
  };
  const full = new JsonLinesSink("/dev/full");
  assert.equal(codeOf(() => full.write(trainRow(0))), ExitCode.save);
  full.close();
  await inFolder((folder) => {
    assert.equal(codeOf(() => new JsonLinesSink(folder)), ExitCode.runFolder);
    assert.equal(codeOf(() => readMetrics(folder)), ExitCode.runFolder);
  });
});
