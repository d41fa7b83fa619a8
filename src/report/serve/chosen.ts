/** The part of the live page on chosen runs: curves over each other, options that differ, sheets of views. */

import { exists } from "../../base/files.ts";
import { join } from "node:path";
import { COLOURS } from "../charts.ts";
import type { ComparedRun } from "../comparison.ts";
import { comparisonSection } from "../comparison_section.ts";
import { curvesSection } from "../curves_section.ts";
import { escaped, legendOf, note, section } from "../page.ts";
import { options } from "../sections.ts";
import type { LiveRun } from "./live_run.ts";
import { shownName } from "./rows.ts";

/**
 * Returns the sections on chosen runs as HTML; "" for none.
 *
 * @param options.smoothing as in curvesPlot()
 * @param options.groups the groups that the runs belong to, of which two are compared; none by default
 */
export function chosenSections(
  runs: readonly LiveRun[],
  { smoothing, groups = [] }: { smoothing?: number; groups?: readonly LiveRun[][] } = {},
): string {
  if (runs.length === 0) return "";
  const named = runs.map((run) => ({
    name: shownName(run.name),
    record: run.record,
    pointsOf: (metric: string) => run.facts.curves.get(metric)?.points() ?? [],
  }));
  return [
    curvesSection(named, {
      smoothing,
      legend: named.length > 1 ? legendOf(named.map(({ name }) => name), COLOURS) : undefined,
    }),
    comparisonSection(groups.map((group) => group.map(comparedRun))),
    ...runs.length > 1 ? [options(named)] : [],
    sheets(runs),
  ].join("\n");
}

function comparedRun({ name, record, evaluations }: LiveRun): ComparedRun {
  return { name: shownName(name), record, evaluations };
}

function sheets(runs: readonly LiveRun[]): string {
  const figures = runs.flatMap((run) => {
    const { id, folder } = run;
    const name = escaped(shownName(run.name));
    const report = exists(join(folder.path, "report.html"))
      ? ` · <a href="report/${id}" target="_blank" rel="noreferrer">report with map and neighbours</a>`
      : "";
    const sheet = exists(folder.sheetFile)
      ? `<img class="views" loading="lazy" alt="Images of ${name} and their views" src="views/${id}">`
      : "";
    if (sheet === "" && report === "") return [];
    return [`<figure class="card">${sheet}<figcaption>${name}${report}</figcaption></figure>`];
  });
  if (figures.length === 0) return "";
  return section(
    "Views",
    note("Training images of the first step, each followed by its two views."),
    `<div class="grid maps">${figures.join("\n")}</div>`,
  );
}
