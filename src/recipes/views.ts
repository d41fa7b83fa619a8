/**
 * The augmentations of BYOL as data: the recipes of the two views, the transforms of the linear probe, and the
 * constants that images are normalised with. The Rust core samples views by these recipes.
 *
 * @module
 */

/** The name of a data set (`--dataset_name`). */
export type DatasetName = "demo" | "cifar10" | "cifar100" | "imagenet" | "folder";

/** Returns true for CIFAR-10 and CIFAR-100, which have one kind of files and of images. */
export function isCifar(name: DatasetName): name is "cifar10" | "cifar100" {
  return name === "cifar10" || name === "cifar100";
}

/**
 * Recipe of one view. The operations are applied in the order of the fields: random resized crop (bicubic,
 * antialiased), flip, colour jitter (its four operations in random order), grayscale, blur, solarize, normalisation.
 */
export interface ViewRecipe {
  /** Side of the square view, in pixels. */
  cropSize: number;
  /** Range of the crop's area as a share of the image's, 0 < min ≤ max ≤ 1. */
  cropScale: [min: number, max: number];
  /** Range of the crop's width over its height, 0 < min ≤ max. */
  cropRatio: [min: number, max: number];
  /** Probability of a horizontal flip. */
  flipProbability: number;
  /** Probability of the colour jitter as a whole. */
  jitterProbability: number;
  /** Brightness factor drawn from [max(0, 1 − brightness), 1 + brightness]. */
  brightness: number;
  /** Contrast factor drawn from [max(0, 1 − contrast), 1 + contrast]. */
  contrast: number;
  /** Saturation factor drawn from [max(0, 1 − saturation), 1 + saturation]. */
  saturation: number;
  /** Hue shift drawn from [−hue, hue]; in turns of the colour circle, at most ½. */
  hue: number;
  /** Probability that a view is turned to grayscale. */
  grayscaleProbability: number;
  /** Probability of the Gaussian blur. */
  blurProbability: number;
  /** Range of the blur's standard deviation, in pixels of the view. */
  blurSigma: [min: number, max: number];
  /** Side of the blur's kernel, in pixels: odd, and less than 2 · cropSize. */
  blurKernel: number;
  /** Probability of solarization. */
  solarizeProbability: number;
  /** Threshold of solarization, from 0 to 1: values from the threshold up are inverted. */
  solarizeThreshold: number;
}

/** The recipes of the two views. */
export interface ViewPair {
  /** The recipe of the first view. */
  view1: ViewRecipe;
  /** The recipe of the second view. */
  view2: ViewRecipe;
  /** The recipe of the view that the rotation auxiliary turns; absent without the auxiliary. */
  view3?: ViewRecipe;
}

/** Returns the recipe of an image's centre square at the size of a recipe's views, without augmentation. */
export function wholeImage(recipe: ViewRecipe): ViewRecipe {
  return {
    ...recipe,
    cropScale: [1, 1],
    cropRatio: [1, 1],
    flipProbability: 0,
    jitterProbability: 0,
    grayscaleProbability: 0,
    blurProbability: 0,
    solarizeProbability: 0,
  };
}

/** Fields that the recipes of BYOL's two views have in common (BYOL, appendix B). */
const SHARED = {
  cropRatio: [3 / 4, 4 / 3],
  flipProbability: 0.5,
  jitterProbability: 0.8,
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.2,
  hue: 0.1,
  grayscaleProbability: 0.2,
  blurSigma: [0.1, 2],
  solarizeThreshold: 128 / 255,
} satisfies Partial<ViewRecipe>;

/** Parameters of byolViews: the sizes that depend on the data set. */
export interface ViewGeometry {
  /** Side of a view, in pixels. */
  cropSize: number;
  /** Range of the crop's area, as a share of the image's. */
  cropScale: [min: number, max: number];
  /** Side of the blur's kernel, in pixels: odd. */
  blurKernel: number;
}

/**
 * Returns BYOL's asymmetric pair of recipes (BYOL, appendix B): blur with probability 1 in the first view; in the
 * second, blur with probability 0.1 and solarization with probability 0.2.
 */
export function byolViews(geometry: ViewGeometry): ViewPair {
  return structuredClone({
    view1: { ...SHARED, ...geometry, blurProbability: 1, solarizeProbability: 0 },
    view2: { ...SHARED, ...geometry, blurProbability: 0.1, solarizeProbability: 0.2 },
  }) as ViewPair;
}

const CIFAR_VIEWS = byolViews({ cropSize: 32, cropScale: [0.2, 1], blurKernel: 3 });
const IMAGENET_VIEWS = byolViews({ cropSize: 224, cropScale: [0.08, 1], blurKernel: 23 });

/** The published recipes by data set; the demo images and CIFAR-100 use the recipes of CIFAR-10. */
export const VIEW_RECIPES: Readonly<Record<DatasetName, ViewPair>> = {
  demo: CIFAR_VIEWS,
  cifar10: CIFAR_VIEWS,
  cifar100: CIFAR_VIEWS,
  imagenet: IMAGENET_VIEWS,
  folder: IMAGENET_VIEWS,
};

/** Returns the recipes with views of `size` pixels; the blur's kernel keeps its share of the side, and stays odd. */
export function viewsAtSize({ view1, view2 }: ViewPair, size: number): ViewPair {
  const resized = (recipe: ViewRecipe): ViewRecipe => ({
    ...structuredClone(recipe),
    cropSize: size,
    blurKernel: 2 * Math.floor(recipe.blurKernel * size / (2 * recipe.cropSize)) + 1,
  });
  return { view1: resized(view1), view2: resized(view2) };
}

/** Transforms of the linear probe's images: a random crop and a flip for training, a center crop for testing. */
export interface ProbeTransforms {
  /** Recipe of the probe's training images: random resized crop and flip only. */
  train: ViewRecipe;
  /** Test images, in pixels: the shorter side is resized to `resize` (bicubic), the center is cropped to `crop`. */
  test: { resize: number; crop: number };
}

/** Returns a recipe of random resized crop (scale 0.08 to 1) and flip; every other operation has probability 0. */
function probeView(cropSize: number): ViewRecipe {
  return {
    cropSize,
    cropScale: [0.08, 1],
    cropRatio: [3 / 4, 4 / 3],
    flipProbability: 0.5,
    jitterProbability: 0,
    brightness: 0,
    contrast: 0,
    saturation: 0,
    hue: 0,
    grayscaleProbability: 0,
    blurProbability: 0,
    blurSigma: [0.1, 2],
    blurKernel: 1,
    solarizeProbability: 0,
    solarizeThreshold: 128 / 255,
  };
}

const IMAGENET_PROBE: ProbeTransforms = {
  train: probeView(224),
  test: { resize: 256, crop: 224 },
};
const CIFAR_PROBE: ProbeTransforms = { train: probeView(32), test: { resize: 36, crop: 32 } };

/** The linear probe's transforms, by data set. */
export const PROBE_TRANSFORMS: Readonly<Record<DatasetName, ProbeTransforms>> = {
  demo: CIFAR_PROBE,
  cifar10: CIFAR_PROBE,
  cifar100: CIFAR_PROBE,
  imagenet: IMAGENET_PROBE,
  folder: IMAGENET_PROBE,
};

/** Returns the transforms with crops of `size` pixels; the ratio of a test image's `resize` to its `crop` is kept. */
export function probeAtSize({ train, test }: ProbeTransforms, size: number): ProbeTransforms {
  return {
    train: { ...structuredClone(train), cropSize: size },
    test: { resize: Math.round(test.resize * size / test.crop), crop: size },
  };
}

/** Mean and standard deviation of the red, green and blue channel of images in [0, 1]. */
export interface Normalisation {
  /** Mean of each channel, which is subtracted. */
  mean: [red: number, green: number, blue: number];
  /** Standard deviation of each channel, which divides the difference. */
  std: [red: number, green: number, blue: number];
  /** Values of images of 16 bits that become 0 and 1; without it, the high byte of such images is taken. */
  range?: [least: number, most: number];
}

const CIFAR_NORMALISATION: Normalisation = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.243, 0.261],
};

/** Constants of solo-learn's and lightly's recipes for CIFAR-100. */
const CIFAR100_NORMALISATION: Normalisation = {
  mean: [0.5071, 0.4865, 0.4409],
  std: [0.2673, 0.2564, 0.2762],
};

const IMAGENET_NORMALISATION: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The constants that every image is normalised with, by data set. */
export const NORMALISATION: Readonly<Record<DatasetName, Normalisation>> = {
  demo: CIFAR_NORMALISATION,
  cifar10: CIFAR_NORMALISATION,
  cifar100: CIFAR100_NORMALISATION,
  imagenet: IMAGENET_NORMALISATION,
  folder: IMAGENET_NORMALISATION,
};
