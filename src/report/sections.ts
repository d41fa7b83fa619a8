/** The sections of a report, each as HTML. */

import { FIELDS, optionOf } from "../options/table.ts";
import type { TrainRow } from "../byol/train_row.ts";
import { shownValue } from "../base/option_values.ts";
import { exists } from "../base/files.ts";
import { confusionPlot, type Curve, curvesPlot, scatterPlot } from "./charts.ts";
import { dataUri } from "./data_uri.ts";
import type { EncoderLook, Picture } from "./encoder_look.ts";
import { ACCURACIES } from "./evaluation_section.ts";
import { escaped, note, section, table } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** Curves of a report: their keys in the rows of metrics, and their titles. */
const CURVES: readonly { name: string; title: string; logarithmic?: true }[] = [
  { name: "loss", title: "Loss" },
  { name: "embedding_std", title: "Embedding spread (std of normalised projections)" },
  { name: "effective_rank", title: "Effective rank of the embeddings" },
  { name: "probe_top1", title: "Online probe: top-1 on the batches trained on (%)" },
  { name: "learning_rate", title: "Learning rate" },
  { name: "tau", title: "Tau (decay of the target)" },
  { name: "gradient_norm", title: "Gradient norm", logarithmic: true },
  { name: "parameter_norm", title: "Parameter norm" },
  { name: "images_per_second", title: "Images per second" },
];
/** Largest number of classes of a confusion matrix. */
const MOST_CLASSES = 100;

/** Returns tiles with the most important numbers. */
export function tiles(runs: readonly RunData[]): string {
  const [run] = runs;
  const last = run?.evaluations.at(-1);
  const train = run?.train.at(-1);
  const shown: [string, string][] = [];
  if (runs.length > 1) shown.push([String(runs.length), "runs compared"]);
  else if (run !== undefined) {
    if (last) {
      shown.push([`${last.top1.toFixed(2)} %`, "linear probe top-1"]);
      shown.push([`${last.top5.toFixed(2)} %`, "linear probe top-5"]);
      shown.push([`${last.knn_top1.toFixed(2)} %`, "k-NN top-1"]);
    }
    if (train) {
      shown.push([String(train.step + 1), `steps, epoch ${train.epoch}`]);
      shown.push([train.loss.toFixed(3), "last loss"]);
    }
  }
  const cells = shown.map(([value, what]) =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(what)}</span></div>`
  );
  return cells.length === 0 ? "" : `<div class="tiles">${cells.join("")}</div>`;
}

/** Returns plots of all logged metrics; the curves of several runs share their plots. */
export function curves(runs: readonly RunData[]): string {
  const plots = CURVES.flatMap(({ name, title, logarithmic }) => {
    const found: Curve[] = runs.flatMap((run) => {
      const points = run.train.flatMap((row): [number, number][] => {
        const value = (row as TrainRow & Record<string, unknown>)[name];
        return typeof value === "number" ? [[row.step, value]] : [];
      });
      return points.length === 0 ? [] : [{ name: run.name, points }];
    });
    return found.length === 0 ? [] : [
      card(curvesPlot({ title, x: "step", curves: found, logarithmic })),
    ];
  });
  const evaluated = ACCURACIES.flatMap((name): Curve[] =>
    runs.flatMap((run) => {
      const points = run.evaluations.map((row): [number, number] => [row.epoch, row[name]]);
      const label = name === "knn_top1"
        ? "k-NN top-1"
        : `probe ${name === "top1" ? "top-1" : "top-5"}`;
      return points.length < 2
        ? []
        : [{ name: runs.length > 1 ? `${run.name} ${label}` : label, points }];
    })
  );
  if (evaluated.length > 0) {
    plots.push(card(curvesPlot({ title: "Accuracy, %", x: "epoch", curves: evaluated })));
  }
  if (plots.length === 0) return section("Curves", note("No step is logged yet."));
  return section("Curves", `<div class="grid">${plots.join("\n")}</div>`);
}

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
      ["commit", commit ?? "unknown"],
      ["versions", `byol ${versions.byol}, Deno ${versions.deno}, libtorch ${versions.libtorch}`],
      ["core", versions.core],
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

function card(svg: string): string {
  return `<figure class="card">${svg}</figure>`;
}

function figure({ uri, label }: Picture, className: string): string {
  return `<figure class="${className}"><img alt="${escaped(label)}" src="${uri}">` +
    `<figcaption>${escaped(label)}</figcaption></figure>`;
}
