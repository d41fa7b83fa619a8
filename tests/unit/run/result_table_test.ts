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
