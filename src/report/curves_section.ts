/** The section of a report with the curves of the logged metrics. */

import type { TrainRow } from "../byol/train_row.ts";
import { COLOURS, type Curve, curvesPlot, type Mark } from "./charts.ts";
import type { RunRecord } from "../run/record.ts";
import { card, legendOf, note, section } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** A curve of a report. */
interface Metric {
  /** Key in the rows of metrics. */
  name: string;
  title: string;
  logarithmic?: boolean;
  /** Returns the values to mark, where runs have them in common. */
  marksOf?: (run: CurveSource) => readonly Mark[];
}

const METRICS: readonly Metric[] = [
  { name: "loss", title: "Loss, 0 to 8" },
  {
    name: "embedding_std",
    title: "Embedding spread (std of normalised projections)",
    marksOf: spreadMarks,
  },
  { name: "effective_rank", title: "Effective rank of the embeddings" },
  { name: "probe_top1", title: "Online probe: top-1 on the batches trained on, %" },
  { name: "rotation_top1", title: "Rotation auxiliary: top-1 of four rotations, %" },
  { name: "learning_rate", title: "Learning rate" },
  { name: "tau", title: "Tau (decay of the target)" },
  { name: "gradient_norm", title: "Gradient norm", logarithmic: true },
  { name: "parameter_norm", title: "Parameter norm" },
  { name: "images_per_second", title: "Images per second" },
];

/** A run whose curves are drawn. */
export interface CurveSource {
  name: string;
  /** config.json; null where it is missing or cannot be read. */
  record: RunRecord | null;
  /** Returns the points of a logged metric, in order. */
  pointsOf(metric: string): readonly (readonly [step: number, value: number])[];
}

/** Names of the metrics that have curves. */
export const CURVE_NAMES: readonly string[] = METRICS.map(({ name }) => name);

/** Returns the section of the curves of a report; the curves of several runs share their plots. */
export function curves(runs: readonly RunData[]): string {
  const sources = runs.map((run) => ({
    name: run.name,
    record: run.record,
    pointsOf: (metric: string) => pointsOf(run, metric),
  }));
  if (runs.length < 2) return curvesSection(sources);
  return curvesSection(sources, { legend: legendOf(runs.map(({ name }) => name), COLOURS) });
}

/**
 * Returns plots of all logged metrics; the curves of several runs share their plots.
 *
 * @param options.smoothing as in curvesPlot()
 * @param options.legend HTML that names the runs by their colours, in place of a legend in each plot
 */
export function curvesSection(
  runs: readonly CurveSource[],
  { legend, smoothing }: { legend?: string; smoothing?: number } = {},
): string {
  const plots = METRICS.flatMap((metric) => {
    const found: Curve[] = runs.flatMap((run) => {
      const points = run.pointsOf(metric.name);
      // With one legend for all plots, a run without the metric keeps its colour.
      return points.length === 0 && legend === undefined ? [] : [{ name: run.name, points }];
    });
    if (found.every(({ points }) => points.length === 0)) return [];
    const { title, logarithmic } = metric;
    const marks = commonMarks(runs, metric);
    return [
      card(
        curvesPlot({
          title,
          x: "step",
          curves: found,
          logarithmic,
          marks,
          legend: legend === undefined,
          smoothing,
        }),
      ),
    ];
  });
  if (plots.length === 0) return section("Curves", note("No step is logged yet."));
  return section(
    "Curves",
    note(
      "A curve of many points is drawn pale, behind its moving mean. Values show under the pointer.",
    ),
    legend ?? "",
    `<div class="grid">${plots.join("\n")}</div>`,
  );
}

function pointsOf({ train }: RunData, name: string): [number, number][] {
  return train.flatMap((row): [number, number][] => {
    const value = (row as TrainRow & Record<string, unknown>)[name];
    return typeof value === "number" ? [[row.step, value]] : [];
  });
}

function commonMarks(runs: readonly CurveSource[], { marksOf }: Metric): readonly Mark[] {
  if (marksOf === undefined) return [];
  const [first = [], ...others] = runs.map(marksOf);
  const isCommon = others.every((marks) => JSON.stringify(marks) === JSON.stringify(first));
  return isCommon ? first : [];
}

/** Returns the spread of embeddings over the whole sphere, and the one below which embeddings count as collapsed. */
function spreadMarks({ record }: CurveSource): readonly Mark[] {
  if (record === null) return [];
  const { zDim, collapseBelow } = record.config;
  const whole = 1 / Math.sqrt(zDim);
  return [
    { value: whole, label: "1/√z_dim: the whole sphere" },
    { value: collapseBelow * whole, label: "collapse" },
  ];
}
