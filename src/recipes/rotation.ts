/**
 * The view of the rotation auxiliary (E-SSL, Dangovski et al. 2022): a third view of each image, whose four rotations a
 * head on the embedding tells apart.
 *
 * @module
 */

import type { ViewPair, ViewRecipe } from "./views.ts";

/** Width of the hidden layers of the auxiliary's head, as in E-SSL's program. */
export const ROTATION_HIDDEN_DIM = 2048;

/** Range of the third view's area, as a share of the image's. */
const CROP_SCALE: ViewRecipe["cropScale"] = [0.2, 1];

/**
 * Cost of an image with the auxiliary, in images without it: four rotations of half the side have as many pixels as a
 * third view beside the two.
 */
export const IMAGES_WITH_ROTATION = 1.5;

/** The third view over a run. */
export interface RotationView {
  /** Side of the view in pixels: the same at every step, also where the two views grow. */
  cropSize: number;
}

/** Returns the third view of a run: half the side of the two views at their full size. */
export function rotationView({ view1 }: ViewPair): RotationView {
  return { cropSize: Math.max(1, Math.round(view1.cropSize / 2)) };
}

/** Returns the recipe of the third view: crop, flip and colours of the first view at the same step, nothing else. */
export function rotationRecipe(view1: ViewRecipe, { cropSize }: RotationView): ViewRecipe {
  return {
    ...structuredClone(view1),
    cropSize,
    cropScale: [...CROP_SCALE],
    blurProbability: 0,
    blurKernel: 1,
    solarizeProbability: 0,
  };
}
