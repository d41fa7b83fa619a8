/**
 * A schedule of one's own: the target's decay stays at 0.97 for the first half of the run and rises to 1 in the second.
 *
 *     deno run -A examples/own_tau.ts [--max_steps=N and other options of deno task train]
 */

import {
  createLearner,
  learningRateAt,
  openData,
  runMain,
  runOptions,
  setThreads,
  VIEW_RECIPES,
} from "../mod.ts";

await runMain(async (options) => {
  const config = runOptions(...options);
  setThreads(config.threads);
  using dataset = (await openData(config)).train;
  using learner = createLearner(config);
  dataset.setRecipes(config.batchSize, VIEW_RECIPES[config.datasetName]);

  const stepsPerEpoch = Math.floor(dataset.describe().count / config.batchSize);
  const totalSteps = config.epochs * stepsPerEpoch;
  const rates = {
    baseLearningRate: config.learningRate,
    warmupSteps: config.warmupEpochs * stepsPerEpoch,
    totalSteps,
  };
  for (let step = 0; step < Math.min(totalSteps, config.maxSteps ?? totalSteps); step++) {
    const tau = 0.97 + 0.03 * Math.max(0, 2 * step / totalSteps - 1);
    dataset.makeViews(config.seed, step);
    learner.forwardBackward(dataset);
    learner.applyUpdate({ ...config, learningRate: learningRateAt(step, rates) });
    learner.moveTarget(tau);
    if ((step + 1) % config.logEverySteps > 0) continue;
    console.log(`step ${step}: tau ${tau}, loss ${learner.readMetrics().loss.toFixed(4)}`);
  }
});
