/** The section of a report on accuracies by class: all images that the last evaluation tested. */

import { byClass, type ClassAccuracy } from "../evaluate/by_class.ts";
import { accuracyText } from "../run/accuracy_text.ts";
import { type Confusion, readConfusion } from "../run/confusion_file.ts";
import { confusionPlot } from "./charts.ts";
import { inWords } from "./class_names.ts";
import { card, note, section, table } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** Largest number of classes of a confusion matrix that is drawn. */
export const MOST_DRAWN = 100;
/** Largest number of classes whose table is not folded. */
const MOST_SHOWN = 20;

/** Returns the answers by class of a run's last evaluation; undefined where its folder has none. */
export function answersOfLast(run: RunData): Confusion | undefined {
  const found = readConfusion(run.folder);
  return found !== undefined && found.step === run.evaluations.at(-1)?.step ? found : undefined;
}

/** Returns the section on the answers: a matrix and a table for each set of images. */
export function classSection(found: Confusion): string {
  const { confusion, held_out: heldOut, tested_on: on } = found;
  const classes = inWords(found.classes);
  const sets = [
    ...on === "held-out" ? [] : [{ name: "test", counts: confusion }],
    ...heldOut === undefined ? [] : [{ name: "held-out", counts: heldOut }],
  ];
  return section("Accuracy by class", ...sets.map((set) => partOf(set, classes)));
}

function partOf(
  { name, counts }: { name: string; counts: number[][] },
  classNames: readonly string[],
): string {
  const { balanced_top1: balanced, per_class: classes } = byClass(counts, classNames);
  const tested = classes.reduce((sum, one) => sum + one.tested, 0);
  const right = counts.reduce((sum, row, label) => sum + row[label]!, 0);
  const about = note(
    `The linear probe's answers on all ${tested.toLocaleString("en")} ${name} images: ${
      accuracyText(100 * right / tested, tested)
    } % are right; mean of the classes ${balanced.toFixed(2)} %.`,
  );
  const rows = table(
    ["class", "images", "top-1, %", "most frequent wrong answer"],
    classes.map((one, label) => rowOf(one, { row: counts[label]!, label, classNames })),
    { numbers: [1, 2] },
  );
  const shown = classes.length <= MOST_SHOWN
    ? rows
    : `<details><summary>All ${classes.length} classes</summary>${rows}</details>`;
  if (classes.length > MOST_DRAWN) return about + shown;
  const title = "Rows: class; columns: the linear probe's answer; % of the row";
  const matrix = `<div class="matrix">${card(confusionPlot({ title, counts, classNames }))}</div>`;
  return about + matrix + shown;
}

function rowOf(
  { class: name, tested, top1 }: ClassAccuracy,
  { row, label, classNames }: {
    row: readonly number[];
    label: number;
    classNames: readonly string[];
  },
): string[] {
  const wrong = row.map((count, answer) => answer === label ? 0 : count);
  const most = Math.max(...wrong);
  const answer = classNames[wrong.indexOf(most)] ?? "";
  return [
    name,
    tested.toLocaleString("en"),
    top1 === null ? "–" : accuracyText(top1, tested),
    most === 0 ? "–" : `${answer} (${most.toLocaleString("en")})`,
  ];
}
