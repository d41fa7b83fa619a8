/**
 * Complete recipes as data: the defaults of each data set, and the presets.
 *
 * @module
 */

import type { PresetName } from "../recipes/preset_views.ts";
import type { DatasetName } from "../recipes/views.ts";
import type { Recipe, RunConfig } from "./config.ts";

/** The reference program's recipe for CIFAR-10, with which it reports 91.92 % top-1. */
export const BYOL_CIFAR10: Readonly<Recipe> = {
  resnetType: "resnet18",
  epochs: 800,
  warmupEpochs: 10,
  batchSize: 512,
  learningRate: 2.0,
  momentum: 0.9,
  weightDecay: 1e-6,
  eta: 1e-3,
  hiddenDim: 4096,
  zDim: 256,
  heads: "reference",
  tauBase: 0.996,
  bnViews: "joint",
  larsVariant: "reference",
  evalEveryEpochs: 100,
  saveEveryEpochs: 100,
  probeEpochs: 90,
  probeBatchSize: 256,
  probeLearningRate: 0.2,
  probeMomentum: 0.9,
  probeWeightDecay: 0,
};

/** The reference program's recipe for ImageNet, with which it reports 74.03 % top-1. */
export const BYOL_IMAGENET: Readonly<Recipe> = {
  ...BYOL_CIFAR10,
  resnetType: "resnet50",
  epochs: 1000,
  batchSize: 4096,
  learningRate: 3.2,
  weightDecay: 1.5e-6,
};

/** The recipe of the demo: a few minutes on two CPU cores, with the small ResNet-20 of He et al. 2015. */
export const DEMO: Readonly<Recipe> = {
  ...BYOL_CIFAR10,
  resnetType: "resnet20",
  epochs: 6,
  warmupEpochs: 1,
  batchSize: 64,
  learningRate: 1.0,
  eta: 0.01,
  hiddenDim: 512,
  zDim: 128,
  // The target averages over 33 steps. At 0.99, the target lags too far behind for a run of 468 steps, and some seeds
  // learn little.
  tauBase: 0.97,
  evalEveryEpochs: 6,
  saveEveryEpochs: 6,
  probeEpochs: 3,
};

/**
 * The recipe of a folder of photos, as it was tested: 1,500 photos of ten classes, with views of 64 pixels
 * (docs/imagenet.md). photo_recipe.ts scales it.
 */
export const PHOTOS: Readonly<Recipe> = {
  ...BYOL_IMAGENET,
  resnetType: "resnet18",
  epochs: 200,
  batchSize: 64,
  learningRate: 1.0,
  eta: 0.01,
  hiddenDim: 512,
  zDim: 128,
  tauBase: 0.99,
};

/** Default recipe of each data set. */
export const DATASET_DEFAULTS: Readonly<Record<DatasetName, Readonly<Recipe>>> = {
  demo: DEMO,
  cifar10: BYOL_CIFAR10,
  cifar100: BYOL_CIFAR10,
  imagenet: BYOL_IMAGENET,
  folder: PHOTOS,
};

/** Recipe of fine-tuning, in the options that it shares with the linear probe. */
export type FineTuningRecipe = Pick<
  Recipe,
  | "probeEpochs"
  | "probeBatchSize"
  | "probeLearningRate"
  | "probeMomentum"
  | "probeWeightDecay"
>;

/** BYOL's recipe of fine-tuning (appendix C.1): batches of 1024, no weight decay, the shorter of two lengths. */
const BYOL_FINE_TUNING: Readonly<FineTuningRecipe> = {
  probeEpochs: 30,
  probeBatchSize: 1024,
  probeLearningRate: 0.05,
  probeMomentum: 0.9,
  probeWeightDecay: 0,
};

/** Default recipe of fine-tuning: BYOL's, with smaller batches where there are few images. */
export const FINE_TUNING: Readonly<Record<DatasetName, Readonly<FineTuningRecipe>>> = {
  demo: { ...BYOL_FINE_TUNING, probeEpochs: 10, probeBatchSize: 64 },
  cifar10: { ...BYOL_FINE_TUNING, probeBatchSize: 256 },
  cifar100: { ...BYOL_FINE_TUNING, probeBatchSize: 256 },
  imagenet: BYOL_FINE_TUNING,
  folder: BYOL_FINE_TUNING,
};

/** A complete recipe with a name; recipes/preset_views.ts holds its views. */
export interface Preset {
  /** One line of description, for `--help` and the documentation. */
  about: string;
  /** The data set of the recipe. */
  datasetName: DatasetName;
  /** The options of the recipe. No preset chooses a precision. */
  recipe: Readonly<Recipe>;
  /** Further options, whose defaults are the same for all data sets. */
  options?: Readonly<Pick<RunConfig, "probeAugment">>;
  /** Learning rate for a batch of 256 images; the run's learning rate is this value × batch / 256. */
  learningRatePer256?: number;
}

/** Options of DeepMind's program for any number of epochs, with its heads, forms of LARS and batch statistics, and probe. */
const DEEPMIND: Readonly<Recipe> = {
  ...BYOL_IMAGENET,
  heads: "deepmind",
  bnViews: "separate",
  larsVariant: "deepmind",
  // 0.2 × batch / 256.
  probeEpochs: 80,
  probeBatchSize: 256,
  probeLearningRate: 0.2,
};

interface DeepMindNumbers {
  /** 4096 by default. */
  batchSize?: number;
  epochs: number;
  learningRatePer256: number;
  weightDecay: number;
  tauBase: number;
}

function deepMind(about: string, numbers: DeepMindNumbers): Preset {
  const { epochs, batchSize = DEEPMIND.batchSize, learningRatePer256, weightDecay, tauBase } =
    numbers;
  const learningRate = learningRatePer256 * batchSize / 256;
  return {
    about,
    datasetName: "imagenet",
    recipe: { ...DEEPMIND, epochs, batchSize, learningRate, weightDecay, tauBase },
    learningRatePer256,
  };
}

/**
 * The recipe of cifar10_tuned in fewer epochs with a larger step: lr · eta / (1 − momentum), the angle by which weights
 * without a scale turn, is 0.040, in the reference program's recipe 0.020 (docs/recipes.md).
 */
const FAST: Readonly<Recipe> = {
  ...BYOL_CIFAR10,
  epochs: 500,
  learningRate: 4.0,
  tauBase: 0.99,
};

/** A recipe for two processor cores: the small ResNet-20, in 21,000 steps of 256 images. */
const CPU: Readonly<Recipe> = {
  ...BYOL_CIFAR10,
  resnetType: "resnet20",
  hiddenDim: 512,
  epochs: 120,
  batchSize: 256,
  learningRate: 1.0,
  eta: 0.005,
  tauBase: 0.99,
  evalEveryEpochs: 20,
  saveEveryEpochs: 20,
};

/** solo-learn's recipe for CIFAR-10 (its scripts/pretrain/cifar/byol.yaml). */
const SOLO: Readonly<Recipe> = {
  ...BYOL_CIFAR10,
  epochs: 1000,
  batchSize: 256,
  learningRate: 1.0,
  weightDecay: 1e-5,
  eta: 0.02,
  tauBase: 0.99,
  bnViews: "separate",
  larsVariant: "clipped",
};

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Readonly<Preset>>> = {
  byol_cifar10: {
    about: "the reference program's CIFAR-10 recipe, exactly (91.92 % top-1 reported)",
    datasetName: "cifar10",
    recipe: BYOL_CIFAR10,
  },
  cifar10_tuned: {
    about: "the same without blur, with crops from 8 % of the image and tau_base 0.99",
    datasetName: "cifar10",
    recipe: { ...BYOL_CIFAR10, tauBase: 0.99 },
  },
  cifar10_fast: {
    about: "500 epochs at twice the learning rate, with growing views",
    datasetName: "cifar10",
    recipe: FAST,
  },
  cifar10_cpu: {
    about: "the small ResNet-20 on two processor cores, with growing views",
    datasetName: "cifar10",
    recipe: CPU,
    // On random crops an evaluation takes most of an hour on two cores.
    options: { probeAugment: false },
  },
  solo_cifar10: {
    about: "solo-learn's CIFAR-10 recipe (92.58 % top-1 online published)",
    datasetName: "cifar10",
    recipe: SOLO,
    learningRatePer256: 1.0,
  },
  byol_imagenet: {
    about: "the reference program's ImageNet recipe, exactly (74.03 % top-1 reported)",
    datasetName: "imagenet",
    recipe: BYOL_IMAGENET,
  },
  byol_imagenet_512: deepMind(
    "BYOL's ImageNet recipe for batches of 512 (73.7 % top-1 published)",
    { epochs: 1000, batchSize: 512, learningRatePer256: 0.4, weightDecay: 1.5e-6, tauBase: 0.9995 },
  ),
  deepmind_40: deepMind("DeepMind's ImageNet recipe of 40 epochs (62 % top-1 published)", {
    epochs: 40,
    learningRatePer256: 0.45,
    weightDecay: 1e-6,
    tauBase: 0.97,
  }),
  deepmind_100: deepMind("DeepMind's ImageNet recipe of 100 epochs", {
    epochs: 100,
    learningRatePer256: 0.45,
    weightDecay: 1e-6,
    tauBase: 0.99,
  }),
  deepmind_300: deepMind("DeepMind's ImageNet recipe of 300 epochs (72.5 % top-1 published)", {
    epochs: 300,
    learningRatePer256: 0.3,
    weightDecay: 1e-6,
    tauBase: 0.99,
  }),
  deepmind_1000: deepMind("DeepMind's ImageNet recipe of 1000 epochs (74.3 % top-1 published)", {
    epochs: 1000,
    learningRatePer256: 0.2,
    weightDecay: 1.5e-6,
    tauBase: 0.996,
  }),
  imagenette: {
    about: "DeepMind's Imagenette, 128 px, ResNet-18 (92.3 % online published); needs --data_dir",
    datasetName: "imagenet",
    recipe: {
      ...DEEPMIND,
      resnetType: "resnet18",
      batchSize: 256,
      learningRate: 2.0,
      weightDecay: 1e-6,
    },
    learningRatePer256: 2.0,
  },
};

/**
 * Returns the values of DeepMind's table for a number of epochs: of the nearest row at or above, or of the last row.
 *
 * @returns undefined for a preset that is none of DeepMind's, and for null
 */
export function deepMindRow(
  preset: PresetName | null,
  epochs: number,
): { learningRatePer256: number; tauBase: number } | undefined {
  if (preset === null || !preset.startsWith("deepmind_")) return undefined;
  const rows = (Object.keys(PRESETS) as PresetName[])
    .filter((name) => name.startsWith("deepmind_")).map((name) => PRESETS[name])
    .sort((one, other) => one.recipe.epochs - other.recipe.epochs);
  const row = rows.find(({ recipe }) => recipe.epochs >= epochs) ?? rows.at(-1)!;
  return { learningRatePer256: row.learningRatePer256!, tauBase: row.recipe.tauBase };
}
