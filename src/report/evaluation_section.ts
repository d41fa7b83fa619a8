/** The section of a report on accuracies: a table for each group of runs, beside published results. */

import { meanAndDeviation } from "../base/statistics.ts";
import type { RunConfig } from "../options/config.ts";
import { accuracyText, epochText, testedText } from "../run/accuracy_text.ts";
import { differsFromPublished } from "../run/data_record.ts";
import { haveMean } from "../run/groups.ts";
import { type EvalRow, setsOf } from "../run/metrics.ts";
import { COLOURS, type Curve, curvesPlot } from "./charts.ts";
import { card, escaped, legendOf, note, section, table } from "./page.ts";
import { type Reference, referencesFor } from "./references.ts";
import { chanceOf, type RunData } from "./run_data.ts";

/** Accuracies of an evaluation, in the order of the tables. */
const ACCURACIES = ["knn_top1", "top1", "top5"] as const;
const HEAD = ["top-1 / top-5 in %", "k-NN top-1", "probe top-1", "probe top-5"];
const DATA_NAMES: Readonly<Record<RunConfig["datasetName"], string>> = {
  cifar10: "CIFAR-10",
  cifar100: "CIFAR-100",
  imagenet: "ImageNet",
  demo: "demo images",
  folder: "a folder of images",
};

/** Rows of a table; `own` holds the indices of the rows in bold. */
interface Rows {
  rows: string[][];
  own: number[];
}

/**
 * Returns the accuracies of each group: all evaluations of a single run, or the last ones of several with their mean
 * and standard deviation over the seeds.
 */
export function evaluations(groups: readonly (readonly RunData[])[]): string {
  const parts = groups.flatMap((group) => {
    const heading = groups.length > 1 ? [`<h3>${escaped(titleOf(group))}</h3>`] : [];
    return [...heading, ...groupParts(group, groups.flat().length === 1)];
  });
  return section("Evaluation", ...parts);
}

/** Returns what the runs of a group have in common: data, network, schedule, last evaluation, and number of seeds. */
export function titleOf(group: readonly RunData[]): string {
  const [run] = group;
  const config = run?.record?.config;
  if (run === undefined || config === undefined) return `${run?.name ?? "a run"} (options unknown)`;
  const last = run.evaluations.at(-1);
  const shared = [
    config.datasetName === "folder" && config.dataDir !== null
      ? config.dataDir
      : DATA_NAMES[config.datasetName],
    networkName(config.resnetType),
    `${config.epochs} epochs of batches of ${config.batchSize}`,
    ...last === undefined ? ["no evaluation"] : [`last evaluation ${whenOf(last)}`],
  ];
  return `${shared.join(" · ")}${group.length > 1 ? ` · ${group.length} runs` : ""}`;
}

function groupParts(group: readonly RunData[], isOnly: boolean): string[] {
  const { rows, own } = isOnly ? rowsOfRun(group[0]!) : rowsOfGroup(group);
  const config = group[0]?.record?.config;
  const published = config === undefined ? { alike: [], others: [] } : referencesFor(config);
  if (group.every((run) => run.evaluations.length === 0)) {
    return [note("No evaluation was made.")];
  }
  const all = [...rows, ...published.alike.map(rowOfReference)];
  const figures = table(HEAD, all, { numbers: [1, 2, 3], own }) +
    note(notesOn(group, published).join(" "));
  const plot = accuracyPlot(group);
  if (plot === undefined) return [figures];
  return [`<div class="pair">${plot}<div>${figures}</div></div>`];
}

/** Returns the accuracies over the epochs, above chance; undefined where no run was evaluated twice. */
function accuracyPlot(group: readonly RunData[]): string | undefined {
  const drawn = group.flatMap((run) => curvesOf(run, { isAlone: group.length === 1 })).filter((
    { points },
  ) => points.length > 1);
  if (drawn.length === 0) return undefined;
  const chance = chanceOf(group[0]!);
  const marks = chance === undefined ? [] : [{ value: chance, label: "chance (top-1)" }];
  // A legend inside the plot has no room for the names of several runs.
  const isAlone = group.length === 1;
  const legend = isAlone ? "" : legendOf(drawn.map(({ name }) => name), COLOURS);
  const shown = { title: "Accuracy, %", x: "epoch", curves: drawn, marks, dots: true };
  return card(curvesPlot({ ...shown, legend: isAlone }), legend);
}

/** Returns the accuracies of a run over its epochs; of several runs, and on held-out images, without the top-5. */
function curvesOf(
  { name: run, evaluations: all }: RunData,
  { isAlone }: { isAlone: boolean },
): Curve[] {
  const sets = new Set(all.flatMap((row) => setsOf(row).map(({ name }) => name)));
  return [...sets].flatMap((set) =>
    ACCURACIES.slice(0, isAlone && sets.size === 1 ? 3 : 2).map((name, index) => ({
      name: [...isAlone ? [] : [run], HEAD[index + 1], ...sets.size > 1 ? [set] : []].join(", "),
      points: all.flatMap((row): Curve["points"] =>
        setsOf(row).filter((one) => one.name === set)
          .map(({ accuracies }) => [row.epoch, accuracies[name]])
      ),
    }))
  );
}

/** Returns all evaluations of a run; the last one is bold. */
function rowsOfRun({ evaluations: all }: RunData): Rows {
  const rows = all.flatMap((row) => rowsOf(`this run, ${whenOf(row)}`, row));
  const last = all.at(-1);
  const count = last === undefined ? 0 : setsOf(last).length;
  return { rows, own: rows.map((_, at) => at).slice(rows.length - count) };
}

/** Returns a row for each set of images, which names held-out images. */
function rowsOf(head: string, row: EvalRow): string[][] {
  return setsOf(row).map(({ name, accuracies }) => [
    `${head}${row.held_out === undefined ? "" : `, ${name}`}`,
    ...ACCURACIES.map((one) => accuracyText(accuracies[one], accuracies.tested)),
  ]);
}

/** Returns the last evaluations of the runs, and in bold their mean where it means something. */
function rowsOfGroup(group: readonly RunData[]): Rows {
  const rows = group.flatMap(({ name, evaluations: all }) => {
    const last = all.at(-1);
    return last === undefined
      ? [[name, ...ACCURACIES.map(() => "–")]]
      : rowsOf(`${name}, ${whenOf(last)}`, last);
  });
  if (!haveMean(group)) return { rows, own: [] };
  const sets = setsOf(group[0]!.evaluations.at(-1)!);
  const means = sets.map(({ name: set }, at) => {
    const figures = ACCURACIES.map((name) => {
      const values = group.map((run) => setsOf(run.evaluations.at(-1)!)[at]!.accuracies[name]);
      const { mean, deviation } = meanAndDeviation(values);
      return `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
    });
    const on = group[0]!.evaluations.at(-1)!.held_out === undefined ? "" : `, ${set}`;
    return [`mean ± std of ${group.length} seeds${on}`, ...figures];
  });
  return { rows: [...rows, ...means], own: means.map((_, at) => rows.length + at) };
}

function rowOfReference({ what, network, top1, top5, knn }: Reference): string[] {
  const figures = [knn, top1, top5].map((value) => value?.toFixed(2) ?? "–");
  return [`published: ${what}, ${networkName(network)}`, ...figures];
}

/** Returns the sentences below a table, on what its numbers mean and with what they may be compared. */
function notesOn(
  group: readonly RunData[],
  { alike, others }: ReturnType<typeof referencesFor>,
): string[] {
  const last = group.flatMap((run) => run.evaluations.at(-1) ?? [])[0];
  const tested = last === undefined
    ? []
    : setsOf(last).flatMap(({ name, accuracies }) =>
      accuracies.tested === undefined ? [] : [testedText(accuracies, { on: name })]
    );
  const seeds = new Set(group.map((run) => run.record?.config.seed));
  const [network] = new Set(others.map((reference) => reference.network));
  return [
    "Linear probe on the frozen encoder, and the 200 nearest neighbours (T = 0.1), on " +
    (tested.length === 0
      ? "the test images, whose number these runs do not tell."
      : `${tested.join(" and ")}; ± after an accuracy is its binomial standard error.`),
    ...last?.held_out === undefined
      ? []
      : ["Neither the encoder nor the probe learnt from the held-out images (--hold_out)."],
    ...last?.held_out !== undefined && alike.length > 0
      ? ["Published results are of encoders that learnt from all training images."]
      : [],
    ...haveMean(group) ? ["The last row is over the seeds."] : [],
    ...group.length > 1 && seeds.size < group.length
      ? ["There is no mean: two runs have the same seed."]
      : [],
    ...alike.length + others.length === 0
      ? ["There are no published results on these images."]
      : alike.length === 0 && network !== undefined
      ? [`Published results on these images are of ${networkName(network)}.`]
      : [],
    ...group.some(({ record }) =>
        record !== null && differsFromPublished(record.config.datasetName, record.data)
      )
      ? [
        "The data are not the published ones: these accuracies cannot be compared with published ones.",
      ]
      : [],
  ];
}

function whenOf({ epoch }: EvalRow): string {
  return epoch === 0 ? "before training" : `after epoch ${epochText(epoch)}`;
}

function networkName(type: RunConfig["resnetType"]): string {
  return type.replace("resnet", "ResNet-");
}
