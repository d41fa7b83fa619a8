/**
 * The views as published, typed out here: the tests hold src/recipes/views.ts to these numbers, so nothing of it is used.
 * Grill et al. 2020, appendix B, and the reference program for what is CIFAR-10's.
 */

import type { Normalisation, ViewPair, ViewRecipe } from "../../src/recipes/views.ts";

const COLOURS = {
  cropRatio: [0.75, 1.3333333333333333],
  flipProbability: 0.5,
  jitterProbability: 0.8,
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.2,
  hue: 0.1,
  grayscaleProbability: 0.2,
  blurSigma: [0.1, 2.0],
  solarizeThreshold: 0.5019607843137255,
} satisfies Partial<ViewRecipe>;

const CIFAR: ViewRecipe = {
  ...{ ...COLOURS, cropSize: 32, cropScale: [0.2, 1], blurKernel: 3 },
  ...{ blurProbability: 1.0, solarizeProbability: 0.0 },
};
const IMAGENET: ViewRecipe = { ...CIFAR, cropSize: 224, cropScale: [0.08, 1], blurKernel: 23 };
const SECOND = { blurProbability: 0.1, solarizeProbability: 0.2 };

/** The two views of each published recipe. */
export const PUBLISHED_VIEWS = {
  cifar10: { view1: CIFAR, view2: { ...CIFAR, ...SECOND } },
  imagenet: { view1: IMAGENET, view2: { ...IMAGENET, ...SECOND } },
  cifar10_tuned: {
    view1: { ...CIFAR, cropScale: [0.08, 1], blurProbability: 0 },
    view2: { ...CIFAR, cropScale: [0.08, 1], blurProbability: 0, solarizeProbability: 0.2 },
  },
} satisfies Record<string, ViewPair>;

/** The training view of linear evaluation on 32-pixel images: a crop and a flip. */
export const PUBLISHED_PROBE_VIEW: ViewRecipe = {
  ...{ ...CIFAR, cropScale: [0.08, 1], blurProbability: 0 },
  ...{ jitterProbability: 0, grayscaleProbability: 0 },
};

/** Published means and standard deviations of the normalisation. */
export const PUBLISHED_NORMALISATION = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.243, 0.261] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
} satisfies Record<string, Normalisation>;
