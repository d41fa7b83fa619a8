import assert from "node:assert/strict";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import {
  type EvalRow,
  JsonLinesSink,
  Metrics,
  type MetricsRow,
  readMetrics,
  truncateAfter,
} from "../../../src/run/metrics.ts";
import type { TrainRow } from "../../../src/byol/train_row.ts";
import { durationText, Progress, type Terminal } from "../../../src/base/terminal.ts";
import { resultTable } from "../../../src/run/result_table.ts";
import { evaluationText, TerminalSink } from "../../../src/run/terminal_sink.ts";

async function inFolder(act: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function trainRow(step: number, loss = 1): TrainRow {
  return {
    kind: "train",
    step,
    epoch: Math.floor(step / 10) + 1,
    loss,
    learning_rate: 0.5,
    tau: 0.99,
    images_per_second: 120,
    embedding_std: 0.08,
    gradient_norm: 3,
  };
}

function evalRow(step: number, epoch: number, percent: number): EvalRow {
  return { kind: "eval", step, epoch, top1: percent, top5: percent + 30, knn_top1: percent - 5 };
}

/** A screen that keeps what it is shown, and a clock that is set by hand. */
class Screen implements Terminal {
  text = "";
  time = 0;
  readonly isTerminal: boolean;
  readonly #columns: number;

  constructor(isTerminal: boolean, columns = 80) {
    this.isTerminal = isTerminal;
    this.#columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  columns(): number {
    return this.#columns;
  }

  now(): number {
    return this.time;
  }
}

/** Escape sequence that erases a terminal's line. */
const ERASE = "\r\x1b[2K";

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

Deno.test("rows go to a file, one JSON object a line, and a second start adds to it", async () => {
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

Deno.test("on a terminal one line is rewritten, with the time left", () => {
  const screen = new Screen(true);
  using progress = new Progress(screen, { label: "training", total: 100 });
  screen.time = 1000;
  progress.update(25, "loss 1.5");
  assert.equal(
    screen.text,
    `training ${"█".repeat(5)}${"░".repeat(15)} 25 % · loss 1.5 · 0:03 left`,
  );
  screen.time = 1050;
  progress.update(26);
  assert.match(screen.text, /25 % /, "redrawn too soon");
  assert.doesNotMatch(screen.text, /26 % /);
  screen.time = 2000;
  progress.update(50);
  assert.match(screen.text, /training █+░+ 50 % · loss 1\.5 · 0:02 left$/);
  assert.ok(screen.text.includes(`left${ERASE}training`));
  progress.note("something happened");
  assert.ok(screen.text.includes(`${ERASE}something happened\ntraining █`));
  screen.time = 4000;
  progress.update(100);
  progress.close();
  assert.match(screen.text, /100 % · loss 1\.5 · done in 0:04\n$/);
  progress.close();
  progress.update(100, "after the end");
  assert.match(screen.text, /done in 0:04\n$/);
});

Deno.test("a narrow terminal's line is cut, not broken", () => {
  const screen = new Screen(true, 20);
  using progress = new Progress(screen, { label: "training", total: 2 });
  progress.update(1, "x".repeat(50));
  assert.equal([...screen.text].length, 19);
});

Deno.test("elsewhere there are plain lines, not too many, and the last state is among them", () => {
  const screen = new Screen(false);
  const progress = new Progress(screen, { label: "training", total: 1000 });
  for (let step = 1; step <= 900; step++) {
    screen.time = step * 100;
    progress.update(step, `step ${step}`);
  }
  progress.close();
  const lines = screen.text.trimEnd().split("\n");
  assert.equal(lines.length, 10);
  assert.equal(lines[0], "training 0 % · step 1 · 1:40 left");
  assert.equal(lines.at(-1), "training 90 % · step 900 · 0:10 left");
  for (const mark of ["\r", "\x1b", "█"]) assert.ok(!screen.text.includes(mark));
});

Deno.test("after a resume the time left counts only what this start did", () => {
  const screen = new Screen(false);
  using progress = new Progress(screen, { label: "training", total: 100, done: 50 });
  screen.time = 10_000;
  progress.update(60);
  assert.equal(screen.text, "training 60 % · 0:40 left\n");
});

Deno.test("the terminal's sink shows training as progress and evaluations as lines", () => {
  const screen = new Screen(false);
  const sink = new TerminalSink(screen, { firstStep: 10, endStep: 20, epochs: 2 });
  sink.write({ kind: "run", step: 10, time: "" });
  screen.time = 1000;
  sink.write(trainRow(14));
  sink.write(evalRow(20, 2, 50));
  sink.close();
  assert.deepEqual(screen.text.trimEnd().split("\n"), [
    "resumed at step 10",
    "training 75 % · epoch 2/2 · loss 1.000 · lr 0.500 · std 0.0800 · 120 images/s · 0:01 left",
    "after epoch 2: k-NN 45.00 %, linear probe top-1 50.00 %, top-5 80.00 %",
  ]);
  assert.match(evaluationText(evalRow(0, 0, 30)), /^untrained encoder: /);
});

Deno.test("the table at the end sets the trained encoder against the untrained one", () => {
  const table = resultTable([evalRow(0, 0, 30), evalRow(10, 1, 40.5), evalRow(20, 2, 29)]);
  assert.deepEqual(table.trimEnd().split("\n").map((line) => line.split(/ {2,}/)), [
    ["top-1 / top-5 in %", "k-NN top-1", "probe top-1", "probe top-5"],
    ["untrained encoder", "25.00", "30.00", "60.00"],
    ["after 2 epochs", "24.00", "29.00", "59.00"],
    ["gain in points", "−1.00", "−1.00", "−1.00"],
  ]);
  assert.equal(new Set(table.trimEnd().split("\n").map((line) => line.length)).size, 1);
  assert.doesNotMatch(resultTable([evalRow(10, 1, 40)]), /gain|untrained/);
  assert.match(resultTable([evalRow(10, 1, 40)]), /after 1 epoch /);
});

Deno.test("durations read as a clock", () => {
  assert.deepEqual([0, 59.6, 245, 3723, -1].map(durationText), [
    "0:00",
    "1:00",
    "4:05",
    "1:02:03",
    "0:00",
  ]);
});
