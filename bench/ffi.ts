/**
 * Times a step's calls into the core beside the work they ask for: each call is made on a closed handle, which passes
 * everything but the work, and the recipes' JSON is really passed. A step of the demo is timed as well, and a call of
 * four numbers that succeeds.
 */

import { NORMALISATION, VIEW_RECIPES } from "../src/recipes/views.ts";
import { parseCommandLine } from "../src/options/parse.ts";
import { thisEnvironment } from "../src/options/environment.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/core.ts";
import { openCore } from "../src/native/call.ts";
import { createLearner } from "../src/encoder/learner.ts";

const CALLS = 20_000;
const STEPS = 20;

/** Prints microseconds of calls and of a step, and the share. */
export function bench(): void {
  const { config } = parseCommandLine("train", [], thisEnvironment());
  setThreads(config.threads);
  using learner = createLearner(config);
  using dataset = Dataset.open({
    source: { kind: "demo", train: true, count: 1000 },
    dtype: config.dtype,
    workers: config.nbWorkers,
    normalisation: NORMALISATION.demo,
  });
  const recipes = VIEW_RECIPES.demo;
  const rates = [0.1, config.momentum, config.weightDecay, config.eta] as const;
  const step = (index: number): void => {
    dataset.setRecipes(config.batchSize, recipes);
    dataset.makeViews(0, index);
    learner.forwardBackward(dataset);
    learner.applyUpdate({ ...config, learningRate: 0.1 });
    learner.moveTarget(0.99);
  };
  const symbols = openCore();
  const closed = 0xffff_ffff;
  const calls = (): void => {
    dataset.setRecipes(config.batchSize, recipes);
    symbols.byol_dataset_make_views(closed, 0n, 0n, 0);
    symbols.byol_learner_forward_backward(closed, closed, 0, 1);
    symbols.byol_learner_apply_update(closed, ...rates);
    symbols.byol_learner_move_target(closed, 0.99);
  };
  const microseconds = (count: number, body: (index: number) => void): number => {
    for (let index = 0; index < count / 10; index++) body(index);
    const startedAt = performance.now();
    for (let index = 0; index < count; index++) body(index);
    return 1000 * (performance.now() - startedAt) / count;
  };
  const [perCalls, perStep] = [microseconds(CALLS, calls), microseconds(STEPS, step)];
  // The shortest of many short batches: other programs' time is left out.
  const perCall = Math.min(
    ...Array.from(
      { length: 200 },
      () => microseconds(CALLS / 4, () => dataset.setShard({ rank: 0, ranks: 1, microBatches: 1 })),
    ),
  );
  const share = 100 * perCalls / perStep;
  console.log("| one call | calls of a step | step | share |\n| --- | --- | --- | --- |");
  console.log(
    `| ${(1000 * perCall).toFixed(0)} ns | ${perCalls.toFixed(1)} µs | ${
      (perStep / 1000).toFixed(1)
    } ms | ${share.toFixed(4)} % |`,
  );
  if (share > 0.5) Deno.exitCode = 1;
}
