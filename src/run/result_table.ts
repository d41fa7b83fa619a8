/** The table of evaluations that is printed at the end of a run. */

import { accuracyText, chanceText, epochText, signedText, testedText } from "./accuracy_text.ts";
import { type EvalRow, type SetRow, setsOf } from "./metrics.ts";

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
  if (untrained) rows.push(...rowsOf("untrained encoder", untrained));
  if (trained) {
    const epochs = `${epochText(trained.epoch)} epoch${trained.epoch === 1 ? "" : "s"}`;
    rows.push(...rowsOf(`after ${epochs}`, trained));
  }
  if (untrained && trained) rows.push(...gainRows(untrained, trained));
  const last = trained ?? untrained;
  const on = last === undefined
    ? []
    : setsOf(last).flatMap(({ name, accuracies: { tested } }) =>
      tested === undefined ? [] : [testedText({ tested }, { on: name })]
    );
  const note = on.length === 0 ? "" : `On ${on.join(" and ")}; ± is the binomial standard error.\n`;
  return `${aligned(rows)}${note}`;
}

/** Returns a row for each set of images, which names the set where there are two. */
function rowsOf(head: string, row: EvalRow): string[][] {
  const sets = setsOf(row);
  return sets.map(({ name, accuracies }) => [
    `${head}${sets.length > 1 ? `, ${name}` : ""}`,
    ...figures(accuracies, plain(accuracies)),
  ]);
}

function gainRows(untrained: EvalRow, trained: EvalRow): string[][] {
  const before = setsOf(untrained);
  const sets = setsOf(trained);
  return sets.flatMap(({ name, accuracies: after }) => {
    const first = before.find((set) => set.name === name)?.accuracies;
    if (first === undefined) return [];
    const gain = {
      knn_top1: after.knn_top1 - first.knn_top1,
      top1: after.top1 - first.top1,
      top5: after.top5 - first.top5,
    };
    return [[
      `gain in points${sets.length > 1 ? `, ${name}` : ""}`,
      ...figures(gain, signedText),
    ]];
  });
}

function figures(
  row: Pick<EvalRow, "knn_top1" | "top1" | "top5">,
  shown: (value: number) => string,
): string[] {
  return [row.knn_top1, row.top1, row.top5].map(shown);
}

function plain({ tested }: SetRow): (value: number) => string {
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
