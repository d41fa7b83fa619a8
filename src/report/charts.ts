/**
 * Plots as SVG text, drawn by Apache ECharts without a browser. Colours are CSS variables of the page, which makes a
 * plot fit a light and a dark page.
 *
 * @module
 */

import * as echarts from "echarts";
import { escaped } from "./page.ts";

/** A curve. */
export interface Curve {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

/** Options of curvesPlot. */
export interface CurvesOptions {
  title: string;
  /** Name of the x axis. */
  x: string;
  curves: readonly Curve[];
  /** True for a logarithmic y axis; only where all values are above 0. */
  logarithmic?: boolean;
  /** Values to mark by a dashed line across the plot, such as chance; the y axis holds them. */
  marks?: readonly Mark[];
  /** True for a dot at each point: few points, each of which matters. */
  dots?: boolean;
  /** False for a plot whose page names the curves, by their colours in order of COLOURS. */
  legend?: boolean;
  /** Part of a curve of many points, to either side, over which its moving mean goes: 0.05 by default, 0 for no mean. */
  smoothing?: number;
}

/** A value that a plot marks. */
export interface Mark {
  value: number;
  label: string;
}

// Without a browser, ECharts guesses the width of text, too narrow for the page's font: legends would overlap.
echarts.setPlatformAPI({
  measureText: (text: string, font?: string) => ({
    width: 0.62 * Number(/([\d.]+)px/.exec(font ?? "")?.[1] ?? 12) * text.length,
  }),
});

/** Sizes in pixels of the page, where it is widest: text then has the same size in all plots. */
const WIDTH = 386;
const HEIGHT = 236;
const MAP_WIDTH = 500;
const MATRIX_WIDTH = 640;
/** Largest number of points of a curve; a plot of this width shows no more. */
const MOST_POINTS = 400;

/** Colours that stand for CSS variables of page.ts in ECharts, which accepts no variables. */
const STAND_INS: readonly [colour: string, variable: string][] = [
  ["#010101", "--text"],
  ["#020202", "--muted"],
  ["#030303", "--line"],
  ["#040404", "--card"],
];
const TEXT = STAND_INS[0]![0];
const MUTED = STAND_INS[1]![0];
const LINE = STAND_INS[2]![0];
const CARD = STAND_INS[3]![0];
/** Colours of curves and classes, distinct on light and dark pages and for most colour-blind readers. */
export const COLOURS: readonly string[] = [
  ...["#3b82d6", "#e08a1e", "#1fa37a", "#d1495b", "#9b6bd3", "#c9a400"],
  ...["#5fb3ce", "#b0703c", "#7a8ba3", "#d96fb0"],
];

/**
 * Returns a plot of curves. A curve of many points is drawn as its moving mean, in front of the curve itself. The values
 * stand in tooltips, which a browser shows without script.
 */
export function curvesPlot(
  { title, x, curves, logarithmic = false, marks = [], dots = false, ...options }: CurvesOptions,
): string {
  const { smoothing = SMOOTHING } = options;
  const isLogarithmic = logarithmic &&
    curves.every(({ points }) => points.every(([, value]) => value > 0));
  const drawn = curves.map(({ name, points }) => ({ name, points: thinned(points) }));
  const values = [
    ...drawn.flatMap(({ points }) => points.map(([, value]) => value)),
    ...marks.map(({ value }) => value),
  ];
  const hasLegend = curves.length > 1 && options.legend !== false;
  return svgOf({
    ...frame(title),
    legend: hasLegend ? legend() : undefined,
    grid: { left: 8, right: 26, top: 36, bottom: hasLegend ? 44 : 22, containLabel: true },
    xAxis: {
      ...{ type: "value", name: x, nameLocation: "middle", nameGap: 22, min: "dataMin" },
      ...{ max: "dataMax", ...axisStyle(), splitLine: { show: false } },
      axisLabel: { color: MUTED, fontSize: 11, hideOverlap: true, showMaxLabel: true },
    },
    yAxis: {
      // An axis with marked values begins at 0.
      ...{ type: isLogarithmic ? "log" : "value", scale: marks.length === 0, ...axisStyle() },
      axisLabel: { color: MUTED, fontSize: 11, formatter: tickFormatter(values) },
    },
    series: drawn.flatMap((curve, index) => [
      ...seriesOf(curve, { colour: COLOURS[index % COLOURS.length]!, dots, smoothing }),
      ...index === 0 && marks.length > 0 ? [markSeries(curve, marks)] : [],
    ]),
  }, { label: title, tooltips: drawn.map((curve) => ({ ...curve, x })) });
}

/** Points from which on a curve is drawn as its moving mean. */
const SMOOTHED_FROM = 60;
/** Default of CurvesOptions.smoothing. */
const SMOOTHING = 0.05;

function seriesOf(
  { name, points }: Curve,
  { colour, dots, smoothing }: { colour: string; dots: boolean; smoothing: number },
): Record<string, unknown>[] {
  const line = { type: "line", name, color: colour, symbol: "circle", symbolSize: 6 };
  const showSymbol = dots || points.length === 1;
  if (points.length < SMOOTHED_FROM || smoothing === 0) {
    return [{ ...line, data: points, showSymbol, lineStyle: { width: 1.6 } }];
  }
  return [
    { ...line, data: points, showSymbol: false, lineStyle: { width: 1, opacity: 0.3 } },
    { ...line, data: movingMean(points, smoothing), showSymbol: false, lineStyle: { width: 1.8 } },
  ];
}

/** Returns points whose values are means over neighbouring points, at most a part of the curve to either side. */
export function movingMean(
  points: Curve["points"],
  part: number = SMOOTHING,
): [number, number][] {
  const most = Math.max(1, Math.floor(points.length * part));
  return points.map(([x], index) => {
    // A window that the curve's ends cut on one side only would pull the mean to the other.
    const reach = Math.min(most, index, points.length - 1 - index);
    const some = points.slice(index - reach, index + reach + 1);
    return [x, some.reduce((sum, [, value]) => sum + value, 0) / some.length];
  });
}

/** Returns dashed lines at the marked values, with unseen points for which the axis makes room. */
function markSeries({ points }: Curve, marks: readonly Mark[]): Record<string, unknown> {
  const [[x] = [0]] = points;
  return {
    type: "line",
    data: marks.map(({ value }) => [x, value]),
    showSymbol: false,
    lineStyle: { opacity: 0 },
    markLine: {
      ...{ symbol: "none", silent: true, animation: false },
      lineStyle: { color: MUTED, type: "dashed", width: 1 },
      data: marks.map(({ value, label }) => ({
        yAxis: value,
        label: { formatter: label, position: "insideEndTop", color: MUTED, fontSize: 11 },
      })),
    },
  };
}

function legend(): Record<string, unknown> {
  return {
    ...{ bottom: 0, itemWidth: 14, itemHeight: 4, icon: "roundRect", type: "scroll" },
    textStyle: { color: MUTED, fontSize: 11 },
  };
}

/** Returns a scatter plot of points in the plane, coloured by class. */
export function scatterPlot(
  { title, points, labels, classNames }: {
    title: string;
    points: readonly (readonly number[])[];
    labels: readonly number[];
    classNames: readonly string[];
  },
): string {
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  const hidden = { axisLabel: { show: false }, axisTick: { show: false }, scale: true };
  return svgOf({
    ...frame(title),
    legend: classes.length <= 20
      ? { bottom: 0, textStyle: { color: MUTED, fontSize: 11 }, itemWidth: 10, itemHeight: 10 }
      : undefined,
    grid: { left: 8, right: 8, top: 34, bottom: classes.length <= 20 ? 66 : 8 },
    xAxis: { type: "value", ...axisStyle(), ...hidden },
    yAxis: { type: "value", ...axisStyle(), ...hidden },
    series: classes.map((label, index) => ({
      type: "scatter",
      name: classNames[label] ?? String(label),
      data: points.filter((_, at) => labels[at] === label).map((point) => [point[0], point[1]]),
      symbolSize: 5,
      itemStyle: { opacity: 0.75 },
      color: COLOURS[index % COLOURS.length],
    })),
  }, { label: title, width: MAP_WIDTH, height: 440 });
}

/** Returns a confusion matrix: true classes (rows) against predicted classes (columns), in percent of each row. */
export function confusionPlot(
  { title, counts, classNames }: {
    title: string;
    counts: readonly (readonly number[])[];
    classNames: readonly string[];
  },
): string {
  const totals = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  const data = counts.flatMap((row, truth) =>
    row.map((
      count,
      answer,
    ) => [answer, truth, Math.round(100 * count / Math.max(1, totals[truth]!))])
  );
  const few = counts.length <= 20;
  const longest = Math.max(...classNames.map((name) => name.length));
  const labels = few ? 0.62 * 11 * longest : 0;
  // Square cells; the labels of the columns stand at 45 degrees.
  const height = MATRIX_WIDTH - labels + labels * Math.SQRT1_2 + 34;
  const axis = { type: "category", data: classNames, ...axisStyle(), splitLine: { show: false } };
  return svgOf({
    ...frame(title),
    grid: { left: 8, right: 12, top: 34, bottom: 8, containLabel: true },
    xAxis: { ...axis, axisLabel: { color: MUTED, fontSize: 11, rotate: 45, show: few } },
    yAxis: { ...axis, inverse: true, axisLabel: { color: MUTED, fontSize: 11, show: few } },
    visualMap: { show: false, min: 0, max: 100, inRange: { color: [CARD, COLOURS[0]] } },
    series: [{
      type: "heatmap",
      data,
      label: { show: few, fontSize: 11, color: TEXT },
      itemStyle: { borderColor: LINE, borderWidth: few ? 0.5 : 0 },
    }],
  }, { label: title, width: MATRIX_WIDTH, height, byOpacity: true });
}

function frame(title: string): Record<string, unknown> {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "inherit", color: TEXT },
    title: {
      text: title,
      left: 6,
      top: 4,
      textStyle: { color: TEXT, fontSize: 12.5, fontWeight: 600 },
    },
  };
}

function axisStyle(): Record<string, unknown> {
  return {
    axisLine: { lineStyle: { color: LINE } },
    axisTick: { lineStyle: { color: LINE } },
    splitLine: { lineStyle: { color: LINE } },
    nameTextStyle: { color: MUTED, fontSize: 11 },
  };
}

function svgOf(
  option: Record<string, unknown>,
  { label, width = WIDTH, height = HEIGHT, byOpacity = false, tooltips = [] }: {
    label: string;
    width?: number;
    height?: number;
    byOpacity?: boolean;
    tooltips?: readonly (Curve & { x: string })[];
  },
): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(option);
    let svg = chart.renderToSVGString().replace(
      /<\/svg>\s*$/,
      `${tooltipsOf(chart, tooltips)}</svg>`,
    );
    if (byOpacity) svg = svg.replaceAll(/fill="rgb\((\d+),(\d+),(\d+)\)"/g, asOpacity);
    for (const [colour, variable] of STAND_INS) {
      svg = svg.replaceAll(`"${colour}"`, `"var(${variable})"`);
    }
    // Identifiers must be unique within the page, which holds several plots.
    const prefix = `p${++plots}-`;
    svg = svg.replaceAll(/\bid="(zr[^"]*)"/g, `id="${prefix}$1"`)
      .replaceAll(/url\(#(zr[^)]*)\)/g, `url(#${prefix}$1)`)
      .replaceAll(/\b(zr\d+-cls-\d+)/g, `${prefix}$1`);
    const size = /^<svg width="\d+" height="\d+"/;
    return svg.replace(size, `<svg role="img" aria-label="${label.replaceAll('"', "'")}"`);
  } finally {
    chart.dispose();
  }
}

let plots = 0;

/** Replaces a shade between the card's colour and the first colour by the first colour with an opacity. */
function asOpacity(_: string, red: string): string {
  const [card, full] = [parseInt(CARD.slice(1, 3), 16), parseInt(COLOURS[0]!.slice(1, 3), 16)];
  const share = Math.max(0, Math.min(1, (Number(red) - card) / (full - card)));
  return `fill="${COLOURS[0]}" fill-opacity="${share.toFixed(3)}"`;
}

/** Returns at most MOST_POINTS points: means over neighbouring points. Points that are not finite are left out. */
export function thinned(points: Curve["points"]): [number, number][] {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const size = Math.max(1, Math.ceil(finite.length / MOST_POINTS));
  const kept: [number, number][] = [];
  for (let from = 0; from < finite.length; from += size) {
    const some = finite.slice(from, from + size);
    const mean = (which: 0 | 1): number =>
      some.reduce((sum, point) => sum + point[which], 0) / some.length;
    kept.push([mean(0), mean(1)]);
  }
  return kept;
}

/** Largest number of tooltips of a curve. */
const MOST_TOOLTIPS = 60;

/** Returns invisible dots with the values of the curves, which browsers show under the pointer. */
function tooltipsOf(
  chart: echarts.ECharts,
  curves: readonly (Curve & { x: string })[],
): string {
  const dots = curves.flatMap(({ name, points, x }) => {
    const every = Math.ceil(points.length / MOST_TOOLTIPS);
    return points.filter((_, index) => index % every === 0).map(([at, value]) => {
      const [left, top] = chart.convertToPixel("grid", [at, value]) as [number, number];
      const text = `${curves.length > 1 ? `${name}, ` : ""}${x} ${plain(at)}: ${plain(value)}`;
      return `<circle cx="${left.toFixed(1)}" cy="${top.toFixed(1)}" r="6"><title>${
        escaped(text)
      }</title></circle>`;
    });
  });
  return `<g fill="transparent">${dots.join("")}</g>`;
}

function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Returns a formatter with as many digits as neighbouring ticks of an axis over such values need to differ. */
export function tickFormatter(values: readonly number[]): (value: number) => string {
  const range = Math.max(...values) - Math.min(...values);
  // The exponent of the last digit to show, one below that of a fifth of the range.
  const last = range > 0 ? Math.floor(Math.log10(range / 5)) - 1 : -4;
  return (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size < 1e5 && size >= 1e-4) {
      return String(Number(value.toFixed(Math.min(20, Math.max(0, -last)))));
    }
    const digits = Math.min(20, Math.max(0, Math.floor(Math.log10(size)) - last));
    const [mantissa, exponent] = value.toExponential(digits).split("e");
    return `${Number(mantissa)}e${exponent}`;
  };
}
