/** A curve of bounded size keeps the means of what it was given, whatever its length. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { GrowingCurve } from "../../../../src/report/serve/curve.ts";

Deno.test("a short curve keeps every point, and leaves out what is not finite", () => {
  const curve = new GrowingCurve();
  [[0, 1], [1, NaN], [2, Infinity], [3, 4]].forEach(([x, y]) => curve.add(x!, y!));
  deepEqual(curve.points(), [[0, 1], [3, 4]]);
});

Deno.test("a long curve has at most 800 points, whose values are means in order", () => {
  for (const length of [800, 801, 1600, 12_345]) {
    const curve = new GrowingCurve();
    for (let step = 0; step < length; step++) curve.add(step, 2 * step);
    const points = curve.points();
    ok(points.length <= 800 && points.length >= Math.min(length, 400), `${points.length} points`);
    ok(points.every(([x, y], at) => Math.abs(y - 2 * x) < 1e-6 && x > (points[at - 1]?.[0] ?? -1)));
    const size = points[1]![0] - points[0]![0];
    equal(points[0]![0], (size - 1) / 2);
  }
});
