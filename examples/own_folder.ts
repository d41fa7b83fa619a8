/**
 * Images of one's own: trains on a folder of photos with the program's own loop, and keeps the encoder.
 *
 *     deno run -A examples/own_folder.ts FOLDER ENCODER.safetensors [options of deno task train]
 */

import {
  createLearner,
  loadAugmentSchedule,
  openData,
  optionsByName,
  pretrain,
  runOptions,
  setThreads,
} from "../mod.ts";

const [folder, encoder, ...options] = Deno.args;
if (folder === undefined || encoder === undefined) {
  console.error("Cannot train: expected a folder of images and the file to write");
  Deno.exit(2);
}
const source = ["--dataset_name=folder", `--data_dir=${folder}`, "--clsf_every=0"];
const config = runOptions(...source, ...options);
setThreads(config.threads);
using dataset = (await openData(config)).train;
using learner = createLearner(config);
const stepsPerEpoch = Math.floor(dataset.describe().count / config.batchSize);
const totalSteps = config.epochs * stepsPerEpoch;
const done = await pretrain({ learner, dataset }, {
  ...config,
  stepsPerEpoch,
  augmentation: loadAugmentSchedule(config, stepsPerEpoch),
  firstStep: 0,
  endStep: Math.min(totalSteps, config.maxSteps ?? totalSteps),
}, { logged: ({ step, loss }) => console.log(`step ${step}: loss ${loss.toFixed(4)}`) });
learner.saveEncoder(encoder, {
  step: done,
  epoch: done / stepsPerEpoch,
  config: optionsByName(config),
});
