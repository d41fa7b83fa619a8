/** The table of the live page: one row a run, the groups below it. */

import { counted } from "../../base/counted.ts";
import { meanAndDeviation } from "../../base/statistics.ts";
import { durationText } from "../../base/terminal.ts";
import { accuracyText, epochText } from "../../run/accuracy_text.ts";
import { differenceBetween, groupsOf, haveMean } from "../../run/groups.ts";
import { type EvalRow, setsOf } from "../../run/metrics.ts";
import { escaped, note, section, table } from "../page.ts";
import type { LiveRun } from "./live_run.ts";

/** Heads of the table; those with a key can be sorted by. */
const COLUMNS: readonly (readonly [head: string, key?: string])[] = [
  ["★"],
  ["curves"],
  ["run", "name"],
  ["state", "state"],
  ["progress", "share"],
  ["left", "left"],
  ["linear probe, %", "top1"],
  ["k-NN, %", "knn"],
  ["images", "tested"],
  ["group", "group"],
];

type SetOfRow = ReturnType<typeof setsOf>[number];

/** Returns a name for the page: without control characters and marks that would change the order of other text. */
export function shownName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** Returns the group of each run, in words; a run without others of its recipe has none. */
export function groupNames(runs: readonly LiveRun[]): Map<number, string> {
  const names = new Map<number, string>();
  severalOf(runs).forEach((group, index) => {
    for (const { id } of group) names.set(id, groupName(index));
  });
  return names;
}

/** Returns the groups of several runs that are equal in all options but the seed, however far each has come. */
function severalOf(runs: readonly LiveRun[]): LiveRun[][] {
  const known = runs.map((run) => ({ run, record: run.record, evaluations: [] }));
  return groupsOf(known).filter((group) => group.length > 1)
    .map((group) => group.map(({ run }) => run));
}

/** Returns A, B, … Z, A2, B2, … */
function groupName(index: number): string {
  const round = Math.floor(index / 26);
  return `${String.fromCharCode(65 + index % 26)}${round === 0 ? "" : round + 1}`;
}

/** Returns the row of a run as HTML. */
export function rowOf(run: LiveRun, { now, group }: { now: number; group?: string }): string {
  const state = run.stateAt(now);
  const { done, end } = run.steps;
  const last = run.evaluations.at(-1);
  const left = run.secondsLeft();
  const name = shownName(run.name);
  const seed = run.record?.config.seed;
  const inGroup = group === undefined
    ? ""
    : `${group}${seed === undefined ? "" : `, seed ${seed}`}`;
  const share = end === undefined ? 0 : end === 0 ? 1 : Math.min(1, done / end);
  const keys: Record<string, string | number> = {
    ...{ id: run.id, name, state, share, left: left ?? "", group: inGroup },
    ...{ top1: last?.top1 ?? "", knn: last?.knn_top1 ?? "", tested: last?.tested ?? "" },
  };
  const data = Object.entries(keys).map(([key, value]) =>
    `data-${key}="${escaped(String(value))}"`
  );
  const label = escaped(name);
  const cells = [
    `<td><button class="star" aria-pressed="false" aria-label="Star ${label}">☆</button></td>`,
    `<td><input type="checkbox" class="choice" aria-label="Curves of ${label}"></td>`,
    `<td class="name">${label}${alarmsCell(run.alarmsAt(now))}</td>`,
    `<td><span class="state ${state}">${state}</span></td>`,
    `<td class="steps"><progress max="1" value="${share}" aria-label="Progress of ${label}"></progress>` +
    `<small>${done}${end === undefined ? "" : ` of ${end}`}</small></td>`,
    `<td class="number">${left === undefined ? "–" : durationText(left)}</td>`,
    `<td class="number">${accuracyCell(last, "top1")}</td>`,
    `<td class="number">${accuracyCell(last, "knn_top1")}</td>`,
    `<td class="number">${imagesCell(last)}</td>`,
    `<td>${escaped(inGroup) || "–"}</td>`,
  ];
  return `<tr ${data.join(" ")}>${cells.join("")}</tr>`;
}

/** Returns an accuracy on the test images, and on the images that were held out. */
function accuracyCell(row: EvalRow | undefined, name: "top1" | "knn_top1"): string {
  if (row === undefined) return "–";
  const [first, ...others] = setsOf(row);
  const text = ({ accuracies }: SetOfRow): string =>
    accuracyText(accuracies[name], accuracies.tested);
  return [
    first === undefined ? "–" : text(first),
    `<small>${row.epoch === 0 ? "untrained" : `epoch ${epochText(row.epoch)}`}</small>`,
    ...others.map((set) => `<small>${set.name} ${text(set)}</small>`),
  ].join("");
}

/** Returns the number and the kind of the images that the accuracies are of. */
function imagesCell(row: EvalRow | undefined): string {
  const sets = row === undefined ? [] : setsOf(row);
  const parts = sets.flatMap(({ name, accuracies: { tested } }) =>
    tested === undefined ? [] : `${tested.toLocaleString("en")}<small>${name}</small>`
  );
  return parts.join("") || "–";
}

function alarmsCell(alarms: readonly string[]): string {
  if (alarms.length === 0) return "";
  const lines = alarms.map((line) => `<li>${escaped(shownName(line))}</li>`).join("");
  return `<details class="alarms"><summary>${
    counted(alarms.length, "alarm")
  }</summary><ul>${lines}</ul></details>`;
}

/** Returns the table with the given rows. */
export function runTable(rows: readonly string[]): string {
  const heads = COLUMNS.map(([head, key]) =>
    key === undefined
      ? `<th scope="col">${head}</th>`
      : `<th scope="col" data-key="${key}"><button class="sort">${escaped(head)}</button></th>`
  );
  return `<div class="scroll" tabindex="0"><table id="runs"><thead><tr>${
    heads.join("")
  }</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** Returns a line that counts the runs by their states. */
export function summaryOf(runs: readonly LiveRun[], now: number): string {
  const counts = new Map<string, number>();
  for (const run of runs) {
    const state = run.stateAt(now);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const parts = [...counts].map(([state, count]) => `${count} ${state}`).sort();
  return [counted(runs.length, "run"), ...parts].join(" · ");
}

/** Returns the section of the groups; "" where no recipe has several runs. */
export function groupSection(runs: readonly LiveRun[]): string {
  const groups = severalOf(runs);
  const [first] = groups;
  if (first === undefined) return "";
  const rows = groups.map((group, index) => [
    groupName(index),
    String(group.length),
    meanText(group, ({ top1 }) => top1),
    meanText(group, ({ knn_top1: knn }) => knn),
    index === 0 ? "–" : differenceBetween(withoutRows(first[0]!), withoutRows(group[0]!), {
      sides: ["in A", "here"],
    }),
  ]);
  return section(
    "Groups",
    note(
      "The runs of a group are equal in every option and input that changes a result, but for the seed. " +
        "Mean ± standard deviation over the seeds, where all runs are evaluated at the same step.",
    ),
    table(["group", "runs", "linear probe, %", "k-NN, %", "differs from A in"], rows, {
      numbers: [1, 2, 3],
      className: "options",
    }),
  );
}

function withoutRows({ record }: LiveRun): Parameters<typeof differenceBetween>[0] {
  return { record, evaluations: [] };
}

function meanText(
  group: readonly LiveRun[],
  value: (row: { top1: number; knn_top1: number }) => number,
): string {
  // groupsOf() splits a group whose last evaluations are of different steps or test images.
  if (groupsOf(group).length > 1 || !haveMean(group)) return "–";
  const { mean, deviation } = meanAndDeviation(
    group.map(({ evaluations }) => value(evaluations.at(-1)!)),
  );
  return `${mean.toFixed(2)} ± ${deviation.toFixed(2)} (n = ${group.length})`;
}
