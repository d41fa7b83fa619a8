import assert from "node:assert/strict";
import type { EvalRow } from "../../../src/run/metrics.ts";
import { resultTable } from "../../../src/run/result_table.ts";
import { evalRow } from "../../support/metrics_rows.ts";

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

Deno.test("each accuracy has its standard error, beside chance and above the number of images", () => {
  const on = { tested: 1000, classes: 10 };
  const table = resultTable([evalRow(0, 0, 30, on), evalRow(20, 1.0434782608695652, 40, on)]);
  assert.deepEqual(table.trimEnd().split("\n").map((line) => line.split(/ {2,}/)), [
    ["top-1 / top-5 in %", "k-NN top-1", "probe top-1", "probe top-5"],
    ["chance", "10", "10", "50"],
    ["untrained encoder", "25.00 ± 1.37", "30.00 ± 1.45", "60.00 ± 1.55"],
    ["after 1.04 epochs", "35.00 ± 1.51", "40.00 ± 1.55", "70.00 ± 1.45"],
    ["gain in points", "+10.00", "+10.00", "+10.00"],
    ["On 1,000 test images; ± is the binomial standard error."],
  ]);
});

Deno.test("chance of a top-5 among a few classes is certain", () => {
  assert.match(
    resultTable([evalRow(10, 1, 40, { tested: 8, classes: 3 })]),
    /chance +33.3 +33.3 +100\n/,
  );
});

Deno.test("accuracies on test and on held-out images stand in rows of their own, with their names", () => {
  const on = (top1: number): Partial<EvalRow> => ({
    ...{ tested: 1000, classes: 10 },
    held_out: { knn_top1: top1 - 5, top1, top5: 90, tested: 500 },
  });
  const table = resultTable([evalRow(0, 0, 30, on(20)), evalRow(20, 2, 40, on(50))]);
  assert.deepEqual(table.trimEnd().split("\n").slice(2).map((line) => line.split(/ {2,}/)), [
    ["untrained encoder, test", "25.00 ± 1.37", "30.00 ± 1.45", "60.00 ± 1.55"],
    ["untrained encoder, held-out", "15.00 ± 1.60", "20.00 ± 1.79", "90.00 ± 1.34"],
    ["after 2 epochs, test", "35.00 ± 1.51", "40.00 ± 1.55", "70.00 ± 1.45"],
    ["after 2 epochs, held-out", "45.00 ± 2.22", "50.00 ± 2.24", "90.00 ± 1.34"],
    ["gain in points, test", "+10.00", "+10.00", "+10.00"],
    ["gain in points, held-out", "+30.00", "+30.00", "+0.00"],
    ["On 1,000 test images and 500 held-out images; ± is the binomial standard error."],
  ]);
});

Deno.test("held-out images alone need no name in each row", () => {
  const found = { knn_top1: 35, top1: 40, top5: 70, tested: 500 };
  const row = evalRow(20, 2, 40, { ...found, held_out: found, tested_on: "held-out" });
  const table = resultTable([row]);
  assert.match(table, /after 2 epochs +35.00 ± 2.13 /);
  assert.match(table, /On 500 held-out images; ± is/);
});
