import assert from "node:assert/strict";
import { durationText, Progress } from "../../../src/base/terminal.ts";
import { Screen } from "../../support/screen.ts";

/** Escape sequence that erases a terminal's line. */
const ERASE = "\r\x1b[2K";

Deno.test("on a terminal one line is rewritten, with the time left", () => {
  const screen = new Screen(true);
  using progress = new Progress(screen, { label: "training", total: 100 });
  for (const done of [1, 2, 3, 4]) progress.update(done);
  screen.text = "";
  screen.time = 1000;
  progress.update(25, "loss 1.5");
  assert.equal(
    screen.text,
    `${ERASE}training ${"█".repeat(5)}${"░".repeat(15)} 25 % · loss 1.5 · 0:03 left`,
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
  // The first steps tell no time left.
  assert.equal(lines[0], "training 0 % · step 1");
  assert.equal(lines[1], "training 10 % · step 101 · 1:30 left");
  assert.equal(lines.at(-1), "training 90 % · step 900 · 0:10 left");
  for (const mark of ["\r", "\x1b", "█"]) assert.ok(!screen.text.includes(mark));
});

Deno.test("after a resume the time left counts only what this start did", () => {
  const screen = new Screen(false);
  using progress = new Progress(screen, { label: "training", total: 100, done: 50 });
  for (const done of [51, 52, 53, 54]) progress.update(done);
  screen.text = "";
  screen.time = 10_000;
  progress.update(60);
  assert.equal(screen.text, "training 60 % · 0:40 left\n");
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
