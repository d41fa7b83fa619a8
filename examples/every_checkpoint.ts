/**
 * Evaluates every checkpoint of a run, oldest first, as the run's own options say: a row of JSON each.
 *
 *     deno run -A examples/every_checkpoint.ts RUN_DIR [options of deno task eval]
 */

import {
  createLearner,
  evalOptions,
  evaluate,
  evaluationOptions,
  ExitCode,
  listCheckpoints,
  openData,
  runFolderAt,
  runMain,
  setThreads,
  UserError,
} from "../mod.ts";

await runMain(async ([runDir, ...options]) => {
  const found = runDir === undefined ? [] : listCheckpoints(runFolderAt(runDir).checkpointsDir);
  const [newest] = found;
  if (newest === undefined) {
    throw new UserError(
      "Cannot evaluate: expected a run's folder with checkpoints",
      ExitCode.usage,
    );
  }
  const config = evalOptions(`--checkpoint=${newest.path}`, ...options);
  setThreads(config.threads);
  const { train, test, heldOut } = await openData(config);
  if ((test ?? heldOut) === undefined) throw new UserError("Cannot evaluate", ExitCode.data);
  for (const { path, step } of found.reverse()) {
    using learner = createLearner(config);
    learner.loadEncoder(path);
    const accuracies = await evaluate({ learner, train, test, heldOut }, evaluationOptions(config));
    console.log(JSON.stringify({ step, ...accuracies }));
  }
});
