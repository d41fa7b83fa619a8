import assert from "node:assert/strict";
import {
  learningRateAt,
  probeLearningRateAt,
  rampAt,
  tauAt,
} from "../../../src/recipes/schedules.ts";

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12, `${actual} is not ${expected}`);
}

Deno.test("the learning rate rises from 0 to the base, then falls by a cosine to 0", () => {
  const schedule = { baseLearningRate: 2, warmupSteps: 10, totalSteps: 110 };
  assert.equal(learningRateAt(0, schedule), 0);
  assertNear(learningRateAt(1, schedule), 0.2);
  assertNear(learningRateAt(9, schedule), 1.8);
  assert.equal(learningRateAt(10, schedule), 2);
  assertNear(learningRateAt(60, schedule), 1);
  assertNear(learningRateAt(35, schedule), 1 + Math.SQRT1_2);
  assertNear(learningRateAt(109, schedule), 1 + Math.cos(Math.PI * 99 / 100));
  assert.ok(learningRateAt(109, schedule) > 0);
  assertNear(learningRateAt(110, schedule), 0);
});

Deno.test("without a warm-up the first step has the base rate", () => {
  const schedule = { baseLearningRate: 3.2, warmupSteps: 0, totalSteps: 4 };
  assert.equal(learningRateAt(0, schedule), 3.2);
  assertNear(learningRateAt(2, schedule), 1.6);
  assertNear(learningRateAt(4, schedule), 0);
});

Deno.test("a warm-up longer than the run only rises; one as long just reaches the base", () => {
  const longer = { baseLearningRate: 1, warmupSteps: 20, totalSteps: 10 };
  assert.equal(learningRateAt(0, longer), 0);
  assertNear(learningRateAt(9, longer), 0.45);
  assertNear(learningRateAt(10, longer), 0.5);
  const equal = { baseLearningRate: 1, warmupSteps: 10, totalSteps: 10 };
  assertNear(learningRateAt(9, equal), 0.9);
  assert.equal(learningRateAt(10, equal), 1);
});

Deno.test("tau goes from its base to 1 by a cosine over the whole run", () => {
  const schedule = { tauBase: 0.996, totalSteps: 1000 };
  assertNear(tauAt(0, schedule), 0.996);
  assertNear(tauAt(250, schedule), 1 - 0.004 * (Math.SQRT1_2 + 1) / 2);
  assertNear(tauAt(500, schedule), 0.998);
  assertNear(tauAt(999, schedule), 1 - 0.004 * (Math.cos(Math.PI * 0.999) + 1) / 2);
  assert.ok(tauAt(999, schedule) < 1);
  assert.equal(tauAt(1000, schedule), 1);
  assert.equal(tauAt(0, { tauBase: 1, totalSteps: 1 }), 1);
});

Deno.test("the probe's rate ends at 1e-4", () => {
  const schedule = { baseLearningRate: 0.2, totalSteps: 90 };
  assertNear(probeLearningRateAt(0, schedule), 0.2);
  assertNear(probeLearningRateAt(45, schedule), (0.2 + 1e-4) / 2);
  assertNear(probeLearningRateAt(90, schedule), 1e-4);
  assertNear(probeLearningRateAt(90, { ...schedule, finalLearningRate: 0.1 }), 0.1);
});

Deno.test("a step outside the run, or a length that is no whole number, is refused", () => {
  const lr = { baseLearningRate: 1, warmupSteps: 0, totalSteps: 10 };
  for (const step of [-1, 11, 0.5, NaN]) {
    assert.throws(() => learningRateAt(step, lr), RangeError);
    assert.throws(() => tauAt(step, { tauBase: 0.9, totalSteps: 10 }), RangeError);
    assert.throws(
      () => probeLearningRateAt(step, { baseLearningRate: 1, totalSteps: 10 }),
      RangeError,
    );
  }
  assert.throws(() => learningRateAt(0, { ...lr, totalSteps: 0 }), /totalSteps=0/);
  assert.throws(() => learningRateAt(0, { ...lr, warmupSteps: 1.5 }), /warmupSteps=1.5/);
});

Deno.test("a ramp holds its ends exactly outside its span", () => {
  const ramp = { from: 0.1, to: 0.7, startStep: 10, endStep: 20 };
  for (const curve of ["linear", "cosine"] as const) {
    assert.equal(rampAt({ ...ramp, curve }, 0), 0.1);
    assert.equal(rampAt({ ...ramp, curve }, 10), 0.1);
    assertNear(rampAt({ ...ramp, curve }, 15), 0.4);
    assert.equal(rampAt({ ...ramp, curve }, 20), 0.7);
    assert.equal(rampAt({ ...ramp, curve }, 1e6), 0.7);
  }
  assertNear(rampAt({ ...ramp, curve: "linear" }, 12), 0.22);
  assertNear(
    rampAt({ ...ramp, curve: "cosine" }, 12),
    0.1 + 0.6 * (1 - Math.cos(Math.PI * 0.2)) / 2,
  );
});
