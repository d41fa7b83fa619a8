/**
 * Evaluates every checkpoint of a run, oldest first: a row of JSON each. Options set the evaluation's as in training.
 *
 *     deno run -A examples/every_checkpoint.ts RUN_DIR [options of deno task train]
 */

import {
  createLearner,
  evaluate,
  evaluationOptions,
  listCheckpoints,
  openData,
  runFolderAt,
  runOptions,
  setThreads,
} from "../mod.ts";

const [runDir, ...options] = Deno.args;
if (runDir === undefined) {
  console.error("Cannot evaluate: expected the folder of a run");
  Deno.exit(2);
}
const config = runOptions(`--run_dir=${runDir}`, ...options);
setThreads(config.threads);
const { train, test } = await openData(config);
if (test === undefined) {
  throw new Error(`Cannot evaluate on ${config.dataDir}: it has no test images`);
}
for (const { path, step } of listCheckpoints(runFolderAt(runDir).checkpointsDir).reverse()) {
  using learner = createLearner(config);
  learner.loadEncoder(path);
  console.log(
    JSON.stringify({
      step,
      ...await evaluate({ learner, train, test }, evaluationOptions(config)),
    }),
  );
}
train.close();
test.close();
