import assert from "node:assert/strict";
import { evaluationText, TerminalSink } from "../../../src/run/terminal_sink.ts";
import { evalRow, trainRow } from "../../support/metrics_rows.ts";
import { Screen } from "../../support/screen.ts";

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
    "training 75 % · epoch 2/2 · loss 1.000 · lr 0.500 · std 0.0800 · 120 images/s",
    "after epoch 2: k-NN 45.00 %, linear probe top-1 50.00 %, top-5 80.00 %",
  ]);
  assert.match(evaluationText(evalRow(0, 0, 30)), /^untrained encoder: /);
});
