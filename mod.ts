/**
 * BYOL (Bootstrap Your Own Latent) on libtorch, driven from TypeScript.
 *
 * @module
 */

export { pretrain, type PretrainHooks, type PretrainOptions } from "./src/byol.ts";
export { type Accuracies, evaluate, type EvaluationOptions } from "./src/linear_eval.ts";
export { learningRateAt, probeLearningRateAt, recipesAt, tauAt } from "./src/schedules.ts";
export { Dataset, type DatasetOptions } from "./src/native/dataset.ts";
export { Learner, type LearnerOptions } from "./src/native/learner.ts";
export { FeatureBank, Probe } from "./src/native/probe.ts";
export { NativeError } from "./src/native/native_error.ts";
