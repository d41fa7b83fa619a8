import { deepEqual, equal } from "node:assert/strict";
import {
  endStepOf,
  evaluatedSteps,
  isEvaluated,
  isEvaluatedAtEnd,
  isLogged,
  isSaved,
  type PlanOptions,
  planTraining,
} from "../../../src/byol/plan.ts";

/** 10 steps an epoch, 6 epochs, an evaluation every 2. */
const OPTIONS: PlanOptions = {
  batchSize: 16,
  epochs: 6,
  maxSteps: null,
  logEverySteps: 4,
  evalEveryEpochs: 2,
  evalAtEnd: false,
  saveEveryEpochs: 3,
  saveEverySteps: 25,
};

function evaluated(options: Partial<PlanOptions> = {}): number[] {
  return evaluatedSteps(planTraining(167, { ...OPTIONS, ...options }));
}

function stepsWhere(holds: (stepsDone: number) => boolean): number[] {
  return Array.from({ length: 61 }, (_, step) => step).filter(holds);
}

Deno.test("a plan drops the incomplete last batch and ends where max_steps says", () => {
  const plan = planTraining(167, OPTIONS);
  deepEqual([plan.stepsPerEpoch, plan.totalSteps, plan.endStep], [10, 60, 60]);
  equal(planTraining(167, { ...OPTIONS, maxSteps: 7 }).endStep, 7);
  equal(planTraining(167, { ...OPTIONS, maxSteps: 7 }).totalSteps, 60);
  equal(planTraining(167, { ...OPTIONS, maxSteps: 70 }).endStep, 60);
  deepEqual([endStepOf(60, { maxSteps: null }), endStepOf(60, { maxSteps: 59 })], [60, 59]);
});

Deno.test("an uninterrupted run evaluates before the first epoch, every so many, and at its end", () => {
  deepEqual(evaluated(), [0, 20, 40, 60]);
  deepEqual(evaluated({ evalEveryEpochs: 4 }), [0, 40, 60]);
  deepEqual(evaluated({ evalEveryEpochs: 100 }), [0, 60]);
  deepEqual(evaluated({ evalEveryEpochs: 0 }), []);
  deepEqual(evaluated({ evalEveryEpochs: 0, evalAtEnd: true }), []);
});

Deno.test("a run cut short evaluates on the way, and at its end by eval_at_end alone", () => {
  deepEqual(evaluated({ maxSteps: 19 }), []);
  deepEqual(evaluated({ maxSteps: 19, evalAtEnd: true }), [19]);
  // A multiple is evaluated on the way, once.
  deepEqual(evaluated({ maxSteps: 40 }), [20, 40]);
  deepEqual(evaluated({ maxSteps: 40, evalAtEnd: true }), [20, 40]);
  deepEqual(evaluated({ maxSteps: 45, evalAtEnd: true }), [20, 40, 45]);
  // As many steps as there are, or more, are the whole schedule; the untrained encoder is left out.
  deepEqual(evaluated({ maxSteps: 60 }), [20, 40, 60]);
});

Deno.test("an evaluation between steps is none at the end of the schedule", () => {
  const plan = planTraining(167, OPTIONS);
  deepEqual(stepsWhere((step) => isEvaluated(step, plan)), [0, 20, 40]);
  deepEqual(stepsWhere((step) => isEvaluatedAtEnd(step, plan)), [60]);
  const cut = planTraining(167, { ...OPTIONS, maxSteps: 45, evalAtEnd: true });
  deepEqual(stepsWhere((step) => isEvaluated(step, cut)), [20, 40]);
  // Wherever the run may have ended: the step is known to have been the last one.
  equal(isEvaluatedAtEnd(45, cut), true);
});

Deno.test("a step is logged every so many and at the end of each epoch", () => {
  const plan = planTraining(167, OPTIONS);
  deepEqual(stepsWhere((step) => step > 0 && step <= 21 && isLogged(step, plan)), [
    ...[4, 8, 10, 12, 16, 20],
  ]);
});

Deno.test("checkpoints are due by epochs and by steps; zeros are never", () => {
  deepEqual(
    stepsWhere((step) => step > 0 && isSaved(step, planTraining(167, OPTIONS))),
    [25, 30, 50, 60],
  );
  const none = planTraining(167, { ...OPTIONS, saveEveryEpochs: 0, saveEverySteps: 0 });
  deepEqual(stepsWhere((step) => isSaved(step, none)), []);
});

Deno.test("fewer images than a batch has are a plan of no steps", () => {
  const plan = planTraining(15, OPTIONS);
  deepEqual([plan.stepsPerEpoch, plan.totalSteps, plan.endStep], [0, 0, 0]);
  equal(isSaved(0, { ...plan, saveEverySteps: 0 }), false);
});
