import { deepEqual, equal } from "node:assert/strict";
import { evaluationSeconds, evaluationWork } from "../../../src/byol/cost.ts";

const IMAGES = { train: 1000, test: 100 };

Deno.test("a probe on augmented views embeds the training images anew each epoch", () => {
  const options = { probeEpochs: 9, probeAugment: true, probeSweep: false };
  // Neighbours: both sets; the probe: nine epochs, and its test.
  deepEqual(evaluationWork(IMAGES, options), { forwards: 1100 + 9000 + 100, fromFeatures: 0 });
});

Deno.test("a probe on cached features embeds each image once, for a sweep of its rate as well", () => {
  const options = { probeEpochs: 10, probeAugment: false, probeSweep: false };
  deepEqual(evaluationWork(IMAGES, options), { forwards: 1100, fromFeatures: 10_000 });
  const sweep = evaluationWork(IMAGES, { ...options, probeSweep: true });
  equal(sweep.forwards, 1100);
  // Seven rates on nine tenths, then one on all.
  equal(Math.round(sweep.fromFeatures), 10 * (7 * 900 + 1000));
});

Deno.test("eight forward passes cost what a training image does", () => {
  const work = { forwards: 8000, fromFeatures: 0 };
  equal(evaluationSeconds(work, { imagesPerSecond: 100 }), 10);
  equal(evaluationSeconds(work, { imagesPerSecond: 100, efficiency: 0.5 }), 20);
  equal(evaluationSeconds({ forwards: 0, fromFeatures: 1_000_000 }, { imagesPerSecond: 1 }), 2);
});

Deno.test("with the rotation auxiliary, a training image costs eleven forward passes", () => {
  const work = { forwards: 8800, fromFeatures: 0 };
  equal(evaluationSeconds(work, { imagesPerSecond: 100, rotationWeight: 0.4 }), 8);
  equal(evaluationSeconds(work, { imagesPerSecond: 100, rotationWeight: 0 }), 11);
});
