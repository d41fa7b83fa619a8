import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  type BudgetOptions,
  lengthOf,
  longestWithin,
  meanStepSeconds,
  measuredSizes,
  PLANNED_SHARE,
  type ViewSize,
  viewSizes,
  warmupWithin,
} from "../../../src/byol/budget.ts";
import { parseAugmentSchedule } from "../../../src/recipes/view_schedule.ts";
import { VIEW_RECIPES } from "../../../src/recipes/views.ts";

/** 10 steps an epoch, an evaluation every 4 epochs, a checkpoint every 5. */
const OPTIONS: BudgetOptions = {
  batchSize: 16,
  logEverySteps: 4,
  evalEveryEpochs: 4,
  evalAtEnd: false,
  saveEveryEpochs: 5,
  saveEverySteps: 0,
  saveEveryMinutes: 0,
};
const COSTS = {
  startSeconds: 20,
  stepSecondsAt: () => 2,
  evaluationSeconds: 7,
  saveSeconds: 3,
};
const PARTS = { images: 167, options: OPTIONS, costs: COSTS };

Deno.test("the time of a run is its start, steps, evaluations and saves", () => {
  // Evaluations before epoch 1 and after 4, 8 and 11; saves after 5 and 10, and the last.
  deepEqual(lengthOf(11, PARTS), {
    epochs: 11,
    steps: 110,
    evaluations: 4,
    expectedSeconds: 20 + 110 * 2 + 4 * 7 + 3 * 3,
  });
  const unevaluated = { ...PARTS, options: { ...OPTIONS, evalEveryEpochs: 0, saveEveryEpochs: 0 } };
  equal(lengthOf(11, unevaluated).expectedSeconds, 20 + 220 + 3);
  const byTheClock = { ...PARTS, options: { ...OPTIONS, saveEveryMinutes: 1, saveEverySteps: 50 } };
  // Three by the minute and two by the step beside the three above.
  equal(lengthOf(11, byTheClock).expectedSeconds, 20 + 220 + 28 + 8 * 3);
});

Deno.test("a budget chooses the most epochs that end within its planned share", () => {
  for (const seconds of [301, 600, 7200, 100_000]) {
    const found = longestWithin({ text: `${seconds}s`, seconds }, PARTS);
    ok(found.expectedSeconds <= PLANNED_SHARE * seconds, `${seconds}: ${found.expectedSeconds}`);
    ok(lengthOf(found.epochs + 1, PARTS).expectedSeconds > PLANNED_SHARE * seconds, `${seconds}`);
  }
  const seconds = lengthOf(11, PARTS).expectedSeconds / PLANNED_SHARE + 1e-6;
  deepEqual(longestWithin({ text: "x", seconds }, PARTS), lengthOf(11, PARTS));
});

Deno.test("a budget that is too short for one epoch names the least that is enough", () => {
  throws(
    () => longestWithin({ text: "30s", seconds: 30 }, PARTS),
    /Cannot train in --time_budget=30s: one epoch of 10 steps takes about 0:57 here, .* expected at least 59s/,
  );
  for (const seconds of [59, 60]) {
    equal(longestWithin({ text: `${seconds}s`, seconds }, PARTS).epochs, 1);
  }
});

Deno.test("long epochs leave no more than a tenth of a budget, where one more fits in the reserve", () => {
  // An epoch takes 20 s. Of 160 s, five would take 83 %, and six take 96 %.
  const plain = { ...PARTS, costs: { ...COSTS, startSeconds: 30, saveSeconds: 3 } };
  const options = { ...OPTIONS, evalEveryEpochs: 0, saveEveryEpochs: 0 };
  const of = (seconds: number) => {
    const { epochs, expectedSeconds } = longestWithin(
      { text: "x", seconds },
      { ...plain, options },
    );
    return [epochs, expectedSeconds];
  };
  deepEqual(of(160), [6, 153]);
  deepEqual(of(162), [6, 153]);
  // Of 155 s, six would take 99 %.
  deepEqual(of(155), [5, 133]);
});

Deno.test("the warm-up is the recipe's, at most a tenth", () => {
  const of = (recipe: number) => [1, 4, 5, 14, 15, 99, 400].map((one) => warmupWithin(recipe, one));
  deepEqual(of(10), [0, 0, 1, 1, 2, 10, 10]);
  deepEqual(of(1), [0, 0, 1, 1, 1, 1, 1]);
  deepEqual(of(0), [0, 0, 0, 0, 0, 0, 0]);
});

/** Returns the sizes of a run of 50 epochs of 10 steps whose crop size moves. */
function sizesOf(cropSize: unknown): ViewSize[] {
  const text = JSON.stringify({ view1: { cropSize }, view2: { cropSize } });
  const views = VIEW_RECIPES.demo;
  return viewSizes(
    parseAugmentSchedule(text, { path: "x.json", views, epochs: 50, stepsPerEpoch: 10 }),
    500,
  );
}

function shares(sizes: readonly ViewSize[]): [number, number][] {
  return sizes.map(({ size, share }) => [size, Math.round(1000 * share) / 1000]);
}

Deno.test("each size of a schedule has its share of the steps, and recipes of that size", () => {
  deepEqual(shares(sizesOf(32)), [[32, 1]]);
  const sizes = sizesOf([[0, 24], ["60%", 32]]);
  deepEqual(shares(sizes), [[24, 0.6], [32, 0.4]]);
  deepEqual(sizes.map(({ recipes }) => recipes.view2.cropSize), [24, 32]);
  const back = sizesOf([[0, 32], [10, 16], [40, 32]]);
  deepEqual(shares(back), [[16, 0.6], [32, 0.4]]);
});

Deno.test("a step's mean time weighs each size by its share", () => {
  const sizes = sizesOf([[0, 24], ["60%", 32]]);
  const speeds = [{ size: 24, stepSeconds: 1 }, { size: 32, stepSeconds: 2 }];
  equal(Math.round(1e9 * meanStepSeconds(sizes, speeds)), 1.4e9);
});

Deno.test("of many sizes four are measured, and the others interpolated by their pixels", () => {
  const ramp = { from: 16, to: 32, startEpoch: 0, endEpoch: 50, curve: "linear" };
  const sizes = sizesOf(ramp);
  equal(sizes.length, 17);
  const measured = measuredSizes(sizes);
  deepEqual(measured.map(({ size }) => size), [16, 21, 27, 32]);
  // A time that follows the pixels is given back at every size.
  const speeds = measured.map(({ size }) => ({ size, stepSeconds: 0.1 + size ** 2 / 1000 }));
  for (const { size } of sizes) {
    const found = meanStepSeconds([{ size, share: 1 }], speeds);
    ok(Math.abs(found - (0.1 + size ** 2 / 1000)) < 1e-12, `${size}: ${found}`);
  }
  // Beyond the measured sizes, the nearest one's time holds.
  equal(meanStepSeconds([{ size: 40, share: 1 }], speeds), speeds[3]!.stepSeconds);
});
