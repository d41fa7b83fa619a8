/**
 * The views of each preset. The options of the presets stand in options/presets.ts.
 *
 * @module
 */

import { byolViews, type ViewPair } from "./views.ts";

/** The name of a preset. */
export type PresetName =
  | "byol_cifar10"
  | "cifar10_tuned"
  | "byol_imagenet"
  | "deepmind_40"
  | "deepmind_100"
  | "deepmind_300"
  | "deepmind_1000"
  | "imagenette";

/** The views of each preset by its name; null for the views of the data set. */
const PRESET_VIEWS: Readonly<Record<PresetName, ViewPair | null>> = {
  byol_cifar10: null,
  cifar10_tuned: withoutBlur(byolViews({ cropSize: 32, cropScale: [0.08, 1], blurKernel: 3 })),
  byol_imagenet: null,
  deepmind_40: null,
  deepmind_100: null,
  deepmind_300: null,
  deepmind_1000: null,
  imagenette: byolViews({ cropSize: 128, cropScale: [0.08, 1], blurKernel: 13 }),
};

/** The names of all presets. */
export const PRESET_NAMES = Object.keys(PRESET_VIEWS) as PresetName[];

/** Returns a preset's own views; null for a preset without views of its own, for an unknown name, and for null. */
export function presetViews(name: string | null): ViewPair | null {
  return name !== null && Object.hasOwn(PRESET_VIEWS, name)
    ? PRESET_VIEWS[name as PresetName]
    : null;
}

function withoutBlur(views: ViewPair): ViewPair {
  return {
    view1: { ...views.view1, blurProbability: 0 },
    view2: { ...views.view2, blurProbability: 0 },
  };
}
