/**
 * BYOL (Bootstrap Your Own Latent) on libtorch, driven from TypeScript: the pieces that `deno task train` is made of, for
 * a program with a schedule or a loop of its own. examples/ has three. The core must be there: `deno task setup`.
 *
 * @module
 */

export {
  byolViews,
  type DatasetName,
  NORMALISATION,
  type Normalisation,
  PROBE_TRANSFORMS,
  type ProbeTransforms,
  VIEW_RECIPES,
  type ViewGeometry,
  type ViewPair,
  type ViewRecipe,
} from "./src/recipes/views.ts";
export {
  type AugmentConfig,
  type AugmentSchedule,
  constantSchedule,
  type Curve,
  loadAugmentSchedule,
  type MovingField,
  type NumberField,
  type PairField,
  type Ramp,
  type RecipeSchedule,
} from "./src/recipes/view_schedule.ts";
export { pretrain, type PretrainHooks, type PretrainOptions } from "./src/byol/pretrain.ts";
export {
  type CheckpointMetadata,
  checkpointPath,
  listCheckpoints,
  newestCheckpoint,
  type Resumable,
} from "./src/run/checkpoint.ts";
export type { ClassifierOptions } from "./src/evaluate/classifier_options.ts";
export type { RunConfig } from "./src/options/config.ts";
export { type DataConfig, openData } from "./src/data/open.ts";
export { ExitCode, UserError } from "./src/base/exit_codes.ts";
export {
  fineTune,
  type FineTuned,
  type FineTuneOptions,
  type FineTuneParts,
} from "./src/evaluate/fine_tune.ts";
export {
  type Accuracies,
  classifyByNeighbours,
  evaluate,
  type EvaluationOptions,
  type EvaluationParts,
  type EvaluationStage,
  type OnProgress,
} from "./src/evaluate/linear.ts";
export {
  type EvalRow,
  Metrics,
  type MetricsRow,
  type MetricsSink,
  type RunRow,
} from "./src/run/metrics.ts";
export { JsonLinesSink, readMetrics } from "./src/run/metrics_file.ts";
export type { TrainRow } from "./src/byol/train_row.ts";
export {
  Dataset,
  type DatasetDescription,
  type DatasetOptions,
  type DatasetSource,
  type SubsetOptions,
} from "./src/native/dataset.ts";
export {
  Learner,
  type LearnerOptions,
  type OnlineProbeMetrics,
  type ProbeRates,
  type StepMetrics,
  type StepRates,
  type UpdateOptions,
} from "./src/native/learner.ts";
export { Trace } from "./src/native/trace.ts";
export { setThreads } from "./src/native/core.ts";
export { FeatureBank } from "./src/native/feature_bank.ts";
export { Probe } from "./src/native/probe.ts";
export { NativeError } from "./src/native/native_error.ts";
export { NativeObject } from "./src/native/handle.ts";
export { Job } from "./src/native/job.ts";
export {
  type ConnectOptions,
  type GroupOptions,
  type Health,
  ProcessGroup,
} from "./src/native/process_group.ts";
export type { ViewCase, ViewCases, ViewParameters } from "./src/native/views.ts";
export type { PresetName } from "./src/recipes/preset_views.ts";
export { type Preset, PRESETS } from "./src/options/presets.ts";
export type { Recipe } from "./src/options/config.ts";
export { createRunFolder, type RunFolder, runFolderAt } from "./src/run/folder.ts";
export { optionsByName } from "./src/options/stored.ts";
export { runOptions } from "./src/options/run_options.ts";
export {
  learningRateAt,
  type LearningRateSchedule,
  probeLearningRateAt,
  type ProbeLearningRateSchedule,
  recipesAt,
  tauAt,
  type TauSchedule,
} from "./src/recipes/schedules.ts";
export type { Launcher, RankInfo } from "./src/runtime/rank.ts";
export { Ranks } from "./src/distributed/ranks.ts";
export type { RanksOptions } from "./src/distributed/rendezvous.ts";
export { createLearner } from "./src/encoder/learner.ts";
export { evaluationOptions } from "./src/evaluate/options.ts";
