/** The sections of a report, each as HTML. */

import { FIELDS, optionOf } from "../options/table.ts";
import { comparedText, foundText } from "../run/data_record.ts";
import { shownValue } from "../base/option_values.ts";
import { exists } from "../base/files.ts";
import { dataUri } from "./data_uri.ts";
import { note, section, table } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** Returns the contact sheet of the first step: images beside their views. */
export function views(run: RunData): string {
  const path = run.folder.sheetFile;
  if (!exists(path)) {
    return section("Views", note(`${path} is missing; train draws it at the start of a run.`));
  }
  const uri = dataUri("image/png", Deno.readFileSync(path));
  return section(
    "Views",
    note("16 training images of the first step, each followed by its two views."),
    `<img class="views" alt="Contact sheet of augmented views" src="${uri}">`,
  );
}

/** Options of several runs that differ in any case. */
const OWN: readonly string[] = ["runDir", "traceDir"];

/**
 * Returns the table of options with their origins; of several runs, only the options that differ, but for the paths
 * that each run has for itself.
 */
export function options(runs: readonly Pick<RunData, "name" | "record">[]): string {
  const known = runs.filter((run) => run.record !== null);
  const shown = (run: typeof runs[number], field: typeof FIELDS[number]): string => {
    const value = run.record!.config[field];
    return value === null || value === undefined ? "(none)" : shownValue(value);
  };
  if (known.length === 0) return section("Options", note("config.json is missing."));
  if (runs.length > 1) {
    const rows = FIELDS.filter((field) => !OWN.includes(field)).filter((field) =>
      new Set(known.map((run) => shown(run, field))).size > 1
    )
      .map((field) => [`--${optionOf(field).option}`, ...known.map((run) => shown(run, field))]);
    return section(
      "Options that differ",
      table(["option", ...known.map((run) => run.name)], rows, { className: "options" }),
    );
  }
  const [run] = known;
  const rows = FIELDS.map((field) => [
    `--${optionOf(field).option}`,
    shown(run!, field),
    run!.record!.origins[field] ?? "",
  ]);
  const given = rows.filter(([, , from]) => from !== "default");
  const head = ["option", "value", "from"];
  return section(
    "Options",
    table(head, given, { className: "options" }),
    `<details><summary>All ${rows.length} options</summary>${
      table(head, rows, { className: "options" })
    }</details>`,
  );
}

/** Returns the table of versions and machines. */
export function environment(runs: readonly RunData[]): string {
  const rows = runs.flatMap(({ name, record, rows: all }) => {
    if (record === null) return [];
    const { versions, commit, data, machine, startedAt } = record;
    const starts = all.filter((row) => row.kind === "run");
    const facts: [string, string][] = [
      ["started", `${startedAt}, ${starts.length} invocation${starts.length === 1 ? "" : "s"}`],
      ["processor", machine],
      ["threads, ranks", `${record.config.threads}, ${record.config.ranks}`],
      ["commit", textOf(commit)],
      [
        "versions",
        `byol ${versions.byol}, Deno ${textOf(versions.deno)}, libtorch ${
          textOf(versions.libtorch)
        }`,
      ],
      ["core", textOf(versions.core)],
      [
        "data",
        `${data.digest} (${comparedText(record.config.datasetName, data)})`,
      ],
      ...Object.values(data.found ?? {}).map((found): [string, string] => [
        "images",
        foundText(found),
      ]),
    ];
    return facts.map(([fact, value]) => runs.length > 1 ? [name, fact, value] : [fact, value]);
  });
  if (rows.length === 0) return section("Environment", note("config.json is missing."));
  const head = runs.length > 1 ? ["run", "what", "value"] : ["what", "value"];
  return section("Environment", table(head, rows, { className: "options" }));
}

/** Returns an entry of a record, which somebody may have edited; "unknown" for anything but a text. */
function textOf(entry: unknown): string {
  return typeof entry === "string" ? entry : "unknown";
}
