/**
 * Images of one's own: trains on a folder of photos with the program's own loop, and keeps the encoder.
 *
 *     deno run -A examples/own_folder.ts FOLDER ENCODER.safetensors [options of deno task train]
 */

import {
  createLearner,
  ExitCode,
  loadAugmentSchedule,
  openData,
  optionsByName,
  pretrain,
  runMain,
  runOptions,
  setThreads,
  UserError,
} from "../mod.ts";

await runMain(async ([folder, encoder, ...options]) => {
  if (folder === undefined || encoder === undefined) {
    throw new UserError("Cannot train: expected FOLDER and ENCODER.safetensors", ExitCode.usage);
  }
  const source = ["--dataset_name=folder", `--data_dir=${folder}`, "--clsf_every=0"];
  const config = runOptions(...source, ...options);
  setThreads(config.threads);
  using dataset = (await openData(config)).train;
  using learner = createLearner(config);
  const stepsPerEpoch = Math.floor(dataset.describe().count / config.batchSize);
  const done = await pretrain({ learner, dataset }, {
    ...config,
    stepsPerEpoch,
    augmentation: loadAugmentSchedule(config, stepsPerEpoch),
    firstStep: 0,
    endStep: Math.min(config.epochs * stepsPerEpoch, config.maxSteps ?? Infinity),
  }, { logged: ({ step, loss }) => console.log(`step ${step}: loss ${loss.toFixed(4)}`) });
  const epoch = done / stepsPerEpoch;
  learner.saveEncoder(encoder, { step: done, epoch, config: optionsByName(config) });
});
