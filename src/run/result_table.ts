/** The table of evaluations that is printed at the end of a run. */

import { accuracyText, chanceText, epochText, signedText, testedText } from "./accuracy_text.ts";
import type { EvalRow } from "./metrics.ts";

/**
 * Returns the table of a run's results: chance, the untrained encoder, the trained encoder, and the gain; below the
 * table, the number of images.
 *
 * @param evaluations all evaluations in order. The first of epoch 0 and the last one after it are shown, and the gain
 * where there are both
 */
export function resultTable(evaluations: readonly EvalRow[]): string {
  const untrained = evaluations.find((row) => row.epoch === 0);
  const trained = evaluations.findLast((row) => row.epoch > 0);
  const rows = [["top-1 / top-5 in %", "k-NN top-1", "probe top-1", "probe top-5"]];
  const classes = trained?.classes ?? untrained?.classes;
  if (classes !== undefined) rows.push(chanceRow(classes));
  if (untrained) rows.push(["untrained encoder", ...figures(untrained, plain(untrained))]);
  if (trained) {
    const epochs = `${epochText(trained.epoch)} epoch${trained.epoch === 1 ? "" : "s"}`;
    rows.push([`after ${epochs}`, ...figures(trained, plain(trained))]);
  }
  if (untrained && trained) {
    const gain = {
      knn_top1: trained.knn_top1 - untrained.knn_top1,
      top1: trained.top1 - untrained.top1,
      top5: trained.top5 - untrained.top5,
    };
    rows.push(["gain in points", ...figures(gain, signedText)]);
  }
  const { tested } = trained ?? untrained ?? {};
  const note = tested === undefined
    ? ""
    : `On ${testedText({ tested })}; ± is the binomial standard error.\n`;
  return `${aligned(rows)}${note}`;
}

function figures(
  row: Pick<EvalRow, "knn_top1" | "top1" | "top5">,
  shown: (value: number) => string,
): string[] {
  return [row.knn_top1, row.top1, row.top5].map(shown);
}

function plain({ tested }: EvalRow): (value: number) => string {
  return (value) => accuracyText(value, tested);
}

function chanceRow(classes: number): string[] {
  const [top1, top5] = [chanceText(classes), chanceText(Math.max(1, classes / 5))];
  return ["chance", top1, top1, top5];
}

/** Returns rows as lines of aligned columns: the first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("   ")
  );
  return `${lines.join("\n")}\n`;
}
