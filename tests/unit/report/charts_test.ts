/** Plots: what their axes, marks, smoothing and tooltips show. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { curvesPlot, movingMean, tickFormatter } from "../../../src/report/charts.ts";

/** Labels of the y axis, from below. */
function ticksOf(svg: string): string[] {
  const texts = [...svg.matchAll(/text-anchor="end"[^>]*>([^<]*)<\/text>/g)];
  return texts.map(([, text = ""]) => text);
}

Deno.test("the ticks of an axis differ, however small its range", () => {
  for (const [from, step] of [[0.99, 1e-5], [0.9961, 1e-6], [4, 0.01], [0, 1e-7], [2e6, 1]]) {
    const points = Array.from({ length: 30 }, (_, x) => [x, from! + x * step!] as const);
    const ticks = ticksOf(curvesPlot({ title: "t", x: "step", curves: [{ name: "a", points }] }));
    ok(ticks.length >= 4, ticks.join());
    equal(new Set(ticks).size, ticks.length, ticks.join());
  }
});

Deno.test("ticks have as many digits as they need", () => {
  const shown = (values: number[]): string[] => values.map(tickFormatter(values));
  deepEqual(shown([0, 0.5, 1]), ["0", "0.5", "1"]);
  deepEqual(shown([0.99, 0.9901]), ["0.99", "0.9901"]);
  deepEqual(shown([300, 1200]), ["300", "1200"]);
  deepEqual(shown([3]), ["3"]);
});

Deno.test("marked values have a line, a label, and room on an axis from 0", () => {
  const curves = [{ name: "spread", points: [[0, 0.05], [1, 0.051]] as const }];
  const marks = [{ value: 0.0625, label: "whole" }, { value: 0.00625, label: "collapse" }];
  const svg = curvesPlot({ title: "t", x: "step", curves, marks });
  match(svg, />whole</);
  match(svg, />collapse</);
  equal(svg.match(/stroke-dasharray/g)?.length, 2);
  const ticks = ticksOf(svg).map(Number).filter(Number.isFinite);
  equal(Math.min(...ticks), 0);
  ok(Math.max(...ticks) >= 0.0625, ticks.join());
});

Deno.test("each value of a short curve shows under the pointer, at its place", () => {
  const points = [[0, 1], [10, 3], [20, 2]] as const;
  const svg = curvesPlot({ title: "t", x: "epoch", curves: [{ name: "a", points }] });
  const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="6"><title>([^<]*)</g)];
  deepEqual(dots.map(([, , , text]) => text), ["epoch 0: 1", "epoch 10: 3", "epoch 20: 2"]);
  const [left, middle, right] = dots.map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
  ok(left!.x < middle!.x && middle!.x < right!.x);
  ok(middle!.y < right!.y && right!.y < left!.y, "3 stands above 2, and 2 above 1");
  const named = curvesPlot({
    ...{ title: "t", x: "epoch" },
    curves: [{ name: "<b>", points }, { name: "other", points }],
  });
  match(named, /<title>&lt;b&gt;, epoch 10: 3</);
});

Deno.test("the moving mean keeps a line, and the mean of noise", () => {
  const line = Array.from({ length: 200 }, (_, x): [number, number] => [x, 2 * x + 1]);
  const worst = Math.max(...movingMean(line).map(([x, mean]) => Math.abs(mean - (2 * x + 1))));
  ok(worst < 1e-9, String(worst));
  const noise = line.map(([x]): [number, number] => [x, x % 2 === 0 ? 1 : -1]);
  ok(movingMean(noise).slice(10, -10).every(([, value]) => Math.abs(value) < 0.1));
});
