/**
 * BYOL (Bootstrap Your Own Latent) on libtorch, driven from TypeScript: the pieces that `deno task train` is made of, for
 * a program with a schedule or a loop of its own. `deno task setup` must have run once.
 *
 * ```ts
 * import { createLearner, learningRateAt, openData, runOptions, tauAt, VIEW_RECIPES } from "./mod.ts";
 *
 * const config = runOptions("--dataset_name=demo", "--batch_size=64");
 * using dataset = (await openData(config)).train;
 * using learner = createLearner(config);
 * dataset.setRecipes(config.batchSize, VIEW_RECIPES.demo);
 * const totalSteps = 20;
 * const rates = { baseLearningRate: config.learningRate, warmupSteps: 5, totalSteps };
 * for (let step = 0; step < totalSteps; step++) {
 *   dataset.makeViews(config.seed, step);
 *   learner.forwardBackward(dataset);
 *   learner.applyUpdate({ ...config, learningRate: learningRateAt(step, rates) });
 *   learner.moveTarget(tauAt(step, { tauBase: config.tauBase, totalSteps }));
 * }
 * console.log(learner.readMetrics().loss);
 * ```
 *
 * docs/scripting.md and examples/ go further.
 *
 * @module
 */

// Options: those of `deno task train`, resolved.
export { optionsByName } from "./src/options/stored.ts";
export { evalOptions, runOptions } from "./src/commands/run_options.ts";
export type { RunConfig } from "./src/options/config.ts";

// Images and their views.
export type { HoldOut } from "./src/recipes/hold_out.ts";
export { openData } from "./src/data/open.ts";
export type { DataConfig, OpenedData, OpenOptions } from "./src/data/open.ts";
export { Dataset } from "./src/native/dataset.ts";
export type {
  DatasetDescription,
  DatasetOptions,
  DatasetSource,
  SubsetOptions,
} from "./src/native/dataset.ts";
export { PROBE_TRANSFORMS, VIEW_RECIPES } from "./src/recipes/views.ts";
export type {
  DatasetName,
  Normalisation,
  ProbeTransforms,
  ViewPair,
  ViewRecipe,
} from "./src/recipes/views.ts";
export { loadAugmentSchedule } from "./src/recipes/view_schedule.ts";
export type { AugmentConfig, AugmentSchedule } from "./src/recipes/view_schedule.ts";

// The networks, their step, and the loop over steps.
export { createLearner } from "./src/encoder/learner.ts";
export { Learner } from "./src/native/learner.ts";
export type {
  LearnerOptions,
  OnlineProbeMetrics,
  ProbeRates,
  RotationMetrics,
  StepMetrics,
  StepRates,
  UpdateOptions,
} from "./src/native/learner.ts";
export { NativeObject } from "./src/native/handle.ts";
export { NativeError } from "./src/native/native_error.ts";
export { setThreads } from "./src/native/core.ts";
export { learningRateAt, recipesAt, tauAt } from "./src/recipes/schedules.ts";
export type { LearningRateSchedule, TauSchedule } from "./src/recipes/schedules.ts";
export { pretrain } from "./src/byol/pretrain.ts";
export type { PretrainHooks, PretrainOptions } from "./src/byol/pretrain.ts";
export type { TrainRow } from "./src/byol/train_row.ts";

// Evaluation of an encoder.
export { classifyByNeighbours, evaluate } from "./src/evaluate/linear.ts";
export type {
  Accuracies,
  EvaluationOptions,
  EvaluationParts,
  EvaluationStage,
  OnProgress,
  SetAccuracies,
} from "./src/evaluate/linear.ts";
export type { OnAllSets, TestedImages } from "./src/evaluate/tested.ts";
export type { FeatureBank } from "./src/native/feature_bank.ts";
export type { Probe } from "./src/native/probe.ts";
export type { ClassifierOptions } from "./src/evaluate/classifier_options.ts";
export { evaluationOptions } from "./src/evaluate/options.ts";

// A run's folder: checkpoints and metrics.
export { runFolderAt } from "./src/run/folder.ts";
export type { RunFolder } from "./src/run/folder.ts";
export { listCheckpoints, newestCheckpoint } from "./src/run/checkpoint.ts";
export type { CheckpointMetadata, Resumable } from "./src/run/checkpoint.ts";
export { readMetrics } from "./src/run/metrics_file.ts";
export type { EvalRow, MetricsRow, RunRow, SetRow } from "./src/run/metrics.ts";

// Errors that the user can repair, each as one line and an exit code.
export { ExitCode, runMain, UserError } from "./src/base/exit_codes.ts";
