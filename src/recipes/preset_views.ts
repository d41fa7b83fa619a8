/**
 * The views of each preset, and the transforms of its evaluation. The options of the presets stand in
 * options/presets.ts.
 *
 * @module
 */

import {
  byolViews,
  type DatasetName,
  PROBE_TRANSFORMS,
  probeAtSize,
  type ProbeTransforms,
  type ViewPair,
} from "./views.ts";

/** The name of a preset. */
export type PresetName =
  | "byol_cifar10"
  | "cifar10_tuned"
  | "cifar10_fast"
  | "cifar10_cpu"
  | "solo_cifar10"
  | "byol_imagenet"
  | "byol_imagenet_512"
  | "deepmind_40"
  | "deepmind_100"
  | "deepmind_300"
  | "deepmind_1000"
  | "imagenette";

/** CIFAR-10's views without blur, with crops from 8 % of the image. */
const TUNED_VIEWS = withoutBlur(byolViews({ cropSize: 32, cropScale: [0.08, 1], blurKernel: 3 }));

/** The views of each preset by its name, at their last size; null for the views of the data set. */
const PRESET_VIEWS: Readonly<Record<PresetName, ViewPair | null>> = {
  byol_cifar10: null,
  cifar10_tuned: TUNED_VIEWS,
  cifar10_fast: withGrayscale(TUNED_VIEWS, 0.1),
  cifar10_cpu: withGrayscale(TUNED_VIEWS, 0.1),
  solo_cifar10: TUNED_VIEWS,
  byol_imagenet: null,
  byol_imagenet_512: null,
  deepmind_40: null,
  deepmind_100: null,
  deepmind_300: null,
  deepmind_1000: null,
  imagenette: byolViews({ cropSize: 128, cropScale: [0.08, 1], blurKernel: 13 }),
};

/** Growth of the views: the first side as a share of the last one, and the share of the run after which it ends. */
export interface Growth {
  /** Side of the views at the beginning, as a share of the side at the end. */
  from: number;
  /** Position of the change, as a share of the run such as "60%". */
  until: string;
}

/** The presets whose views grow: 24 pixels of 32 for the first 60 % of the run. */
const GROWTHS: Partial<Record<PresetName, Growth>> = {
  cifar10_fast: { from: 24 / 32, until: "60%" },
  cifar10_cpu: { from: 24 / 32, until: "60%" },
};

/** The presets with transforms of their own in evaluation. DeepMind crops a test image to 128 of 160 there, not of 146. */
const PRESET_PROBES: Partial<Record<PresetName, ProbeTransforms>> = {
  imagenette: {
    ...probeAtSize(PROBE_TRANSFORMS.imagenet, 128),
    test: { resize: 160, crop: 128 },
  },
};

/** The names of all presets. */
export const PRESET_NAMES = Object.keys(PRESET_VIEWS) as PresetName[];

/** Returns a preset's own views; null for a preset without views of its own, for an unknown name, and for null. */
export function presetViews(name: string | null): ViewPair | null {
  return name !== null && Object.hasOwn(PRESET_VIEWS, name)
    ? PRESET_VIEWS[name as PresetName]
    : null;
}

/** Returns the growth of a preset's views; undefined for constant views, for an unknown name, and for null. */
export function presetGrowth(name: string | null): Growth | undefined {
  return name !== null && Object.hasOwn(GROWTHS, name) ? GROWTHS[name as PresetName] : undefined;
}

/**
 * Returns the transforms of an evaluation: the preset's own where there are any, the data set's otherwise.
 *
 * @param config.imageSize side of the crops in pixels; null for the side that the transforms have
 */
export function probeTransformsOf(
  { datasetName, preset, imageSize }: {
    datasetName: DatasetName;
    preset: string | null;
    imageSize: number | null;
  },
): ProbeTransforms {
  const own = preset !== null && Object.hasOwn(PRESET_PROBES, preset)
    ? PRESET_PROBES[preset as PresetName]
    : undefined;
  const transforms = own ?? PROBE_TRANSFORMS[datasetName];
  return imageSize === null ? transforms : probeAtSize(transforms, imageSize);
}

function withGrayscale(views: ViewPair, grayscaleProbability: number): ViewPair {
  return {
    view1: { ...views.view1, grayscaleProbability },
    view2: { ...views.view2, grayscaleProbability },
  };
}

function withoutBlur(views: ViewPair): ViewPair {
  return {
    view1: { ...views.view1, blurProbability: 0 },
    view2: { ...views.view2, blurProbability: 0 },
  };
}
