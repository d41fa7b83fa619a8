import assert from "node:assert/strict";
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
