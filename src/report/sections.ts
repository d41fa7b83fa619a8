/** The sections of a report, each as HTML. */

import { FIELDS, optionOf } from "../options/table.ts";
import { shownValue } from "../base/option_values.ts";
import { exists } from "../base/files.ts";
import { confusionPlot, scatterPlot } from "./charts.ts";
import { dataUri } from "./data_uri.ts";
import type { EncoderLook, Picture } from "./encoder_look.ts";
import { card, escaped, note, section, table } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** Largest number of classes of a confusion matrix. */
const MOST_CLASSES = 100;

/** Returns the contact sheet of the run's views. */
export function views(run: RunData): string {
  const path = run.folder.sheetFile;
  if (!exists(path)) {
    return section("Views", note(`${path} is missing; train draws it at the start of a run.`));
  }
  const uri = dataUri("image/png", Deno.readFileSync(path));
  return section(
    "Views",
    note("Both views of 16 training images at the first step, side by side."),
    `<img class="views" alt="Contact sheet of augmented views" src="${uri}">`,
  );
}

/** Returns the sections on the encoder: maps, nearest neighbours, confusion matrix. */
export function encoder(look: EncoderLook): string[] {
  const { classNames, labels, confusion } = look;
  const map = (title: string, points: number[][]): string =>
    card(scatterPlot({ title, points, labels, classNames }));
  const maps = section(
    "Map of the embeddings",
    note(
      `Embeddings of ${look.testImages} random test images by the encoder of ${look.checkpoint}; ` +
        "colours are classes.",
    ),
    `<div class="grid">${map("Principal components", look.pca)}${map("UMAP", look.umap)}</div>`,
  );
  const strips = look.neighbours.map(({ query, nearest }) => {
    const shown = nearest.map((one) => figure(one, one.label === query.label ? "" : "other"));
    return `<div class="card strip">${figure(query, "")}${shown.join("")}</div>`;
  });
  const neighbours = section(
    "Nearest neighbours",
    note(
      `A framed test image, and beside it the nearest of ${look.trainImages} training images by cosine ` +
        `similarity. For ${
          look.nearestTop1.toFixed(1)
        } % of ${look.testImages} test images, the nearest training image has the same class.`,
    ),
    `<div class="neighbours">${strips.join("")}</div>`,
  );
  const heading = "Confusion matrix";
  if (confusion.length > MOST_CLASSES) {
    return [
      maps,
      neighbours,
      section(
        heading,
        note(
          `There is no matrix of ${confusion.length} classes: ${MOST_CLASSES} classes at most are drawn.`,
        ),
      ),
    ];
  }
  const { by, name } = look.confusionBy;
  const title = `Class against ${name}, % of rows`;
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  const matrix = section(
    heading,
    note(
      `Classes of ${look.testImages} test images as predicted by ${by}; ${
        (100 * right / look.testImages).toFixed(1)
      } % are right.`,
    ),
    `<div class="matrix">${card(confusionPlot({ title, counts: confusion, classNames }))}</div>`,
  );
  return [maps, neighbours, matrix];
}

/** Returns the table of options with their origins; of several runs, only the options that differ. */
export function options(runs: readonly RunData[]): string {
  const known = runs.filter((run) => run.record !== null);
  const shown = (run: RunData, field: typeof FIELDS[number]): string => {
    const value = run.record!.config[field];
    return value === null || value === undefined ? "(none)" : shownValue(value);
  };
  if (known.length === 0) return section("Options", note("config.json is missing."));
  if (runs.length > 1) {
    const rows = FIELDS.filter((field) => new Set(known.map((run) => shown(run, field))).size > 1)
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
        `${data.digest} (${data.verified ? "the published bytes" : "not the published bytes"})`,
      ],
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

function figure({ uri, label }: Picture, className: string): string {
  return `<figure class="${className}"><img alt="${escaped(label)}" src="${uri}">` +
    `<figcaption>${escaped(label)}</figcaption></figure>`;
}
