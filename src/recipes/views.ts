/**
 * The augmentations of BYOL as data: the recipes of the two views, the probe's, and the constants that
 * images are normalised with. native/src/view_parameters.rs draws from these recipes.
 *
 * @module
 */

/** The data sets the program knows. */
export type DatasetName = "demo" | "cifar10" | "imagenet" | "folder";

/**
 * Recipe of one view. The operations come in the order of the fields: random resized crop (bicubic,
 * antialiased), flip, colour jitter (its four operations in random order), grayscale, blur, solarize; then
 * the view is normalised.
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
  /** Contrast factor, likewise. */
  contrast: number;
  /** Saturation factor, likewise. */
  saturation: number;
  /** Hue shift drawn from [−hue, hue], in turns, at most ½. */
  hue: number;
  /** Probability of a gray view. */
  grayscaleProbability: number;
  /** Probability of the Gaussian blur. */
  blurProbability: number;
  /** Range of the blur's standard deviation, in pixels of the view. */
  blurSigma: [min: number, max: number];
  /** Side of the blur's kernel, in pixels: odd, and less than 2 · cropSize. */
  blurKernel: number;
  /** Probability of solarization. */
  solarizeProbability: number;
  /** Values in [0, 1] from here up are inverted. */
  solarizeThreshold: number;
}

/** The recipes of the two views. */
export interface ViewPair {
  /** The first view's. */
  view1: ViewRecipe;
  /** The second view's. */
  view2: ViewRecipe;
}

/** Operations that BYOL's two views share (BYOL, appendix B). */
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

/** Parameters of the views' geometry. */
export interface ViewGeometry {
  /** Side of a view, in pixels. */
  cropSize: number;
  /** Range of the crop's area, as a share of the image's. */
  cropScale: [min: number, max: number];
  /** Side of the blur's kernel, in pixels: odd. */
  blurKernel: number;
}

/** BYOL's asymmetric pair: the first view always blurred, the second rarely blurred and sometimes solarized. */
export function byolViews(geometry: ViewGeometry): ViewPair {
  return structuredClone({
    view1: { ...SHARED, ...geometry, blurProbability: 1, solarizeProbability: 0 },
    view2: { ...SHARED, ...geometry, blurProbability: 0.1, solarizeProbability: 0.2 },
  }) as ViewPair;
}

const CIFAR_VIEWS = byolViews({ cropSize: 32, cropScale: [0.2, 1], blurKernel: 3 });
const IMAGENET_VIEWS = byolViews({ cropSize: 224, cropScale: [0.08, 1], blurKernel: 23 });

/** The published recipes, by data set; demo's images are treated as CIFAR's. */
export const VIEW_RECIPES: Readonly<Record<DatasetName, ViewPair>> = {
  demo: CIFAR_VIEWS,
  cifar10: CIFAR_VIEWS,
  imagenet: IMAGENET_VIEWS,
  folder: IMAGENET_VIEWS,
};

/** The same recipes at another side in pixels: a blur's kernel keeps its share of the view, and stays odd. */
export function viewsAtSize({ view1, view2 }: ViewPair, size: number): ViewPair {
  const resized = (recipe: ViewRecipe): ViewRecipe => ({
    ...structuredClone(recipe),
    cropSize: size,
    blurKernel: 2 * Math.floor(recipe.blurKernel * size / (2 * recipe.cropSize)) + 1,
  });
  return { view1: resized(view1), view2: resized(view2) };
}

/** Transforms of the probe's images: a random crop and a flip for training, a center crop for testing. */
export interface ProbeTransforms {
  /** The probe's training images: a view with crop and flip only. */
  train: ViewRecipe;
  /** Test images: the shorter side resized to `resize`, then the central square of `crop` pixels; bicubic. */
  test: { resize: number; crop: number };
}

/** Random resized crop of scale (0.08, 1) and flip; every other operation has probability 0. */
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

/** The probe's transforms, by data set. */
export const PROBE_TRANSFORMS: Readonly<Record<DatasetName, ProbeTransforms>> = {
  demo: CIFAR_PROBE,
  cifar10: CIFAR_PROBE,
  imagenet: IMAGENET_PROBE,
  folder: IMAGENET_PROBE,
};

/** The probe's transforms at another side in pixels: the test image is resized by the same ratio to its crop. */
export function probeAtSize({ train, test }: ProbeTransforms, size: number): ProbeTransforms {
  return {
    train: { ...structuredClone(train), cropSize: size },
    test: { resize: Math.round(test.resize * size / test.crop), crop: size },
  };
}

/** Mean and standard deviation of the red, green and blue channel of images in [0, 1]. */
export interface Normalisation {
  /** Subtracted from each channel. */
  mean: [red: number, green: number, blue: number];
  /** Divides each channel afterwards. */
  std: [red: number, green: number, blue: number];
}

const CIFAR_NORMALISATION: Normalisation = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.243, 0.261],
};

const IMAGENET_NORMALISATION: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The constants every image is normalised with, by data set. */
export const NORMALISATION: Readonly<Record<DatasetName, Normalisation>> = {
  demo: CIFAR_NORMALISATION,
  cifar10: CIFAR_NORMALISATION,
  imagenet: IMAGENET_NORMALISATION,
  folder: IMAGENET_NORMALISATION,
};

/**
 * Returns the fault of a recipe, or undefined when a view can be made with it. The rules are the core's own
 * (native/src/view_parameters.rs), told before a run starts.
 */
export function problemOfRecipe(recipe: ViewRecipe): string | undefined {
  const probabilities = [
    "flipProbability",
    "jitterProbability",
    "grayscaleProbability",
    "blurProbability",
    "solarizeProbability",
    "solarizeThreshold",
  ] as const;
  for (const field of probabilities) {
    if (!(recipe[field] >= 0 && recipe[field] <= 1)) {
      return `${field}=${recipe[field]}: expected a number from 0 to 1`;
    }
  }
  for (const field of ["brightness", "contrast", "saturation"] as const) {
    if (!(recipe[field] >= 0 && recipe[field] <= 1000)) {
      return `${field}=${recipe[field]}: expected a number from 0 to 1000`;
    }
  }
  if (!(recipe.hue >= 0 && recipe.hue <= 0.5)) {
    return `hue=${recipe.hue}: expected a number from 0 to 0.5`;
  }
  for (const field of ["cropScale", "cropRatio"] as const) {
    const [min, max] = recipe[field];
    const limit = field === "cropScale" ? 1 : Number.MAX_VALUE;
    if (!(min > 0 && min <= max && max <= limit)) {
      const expected = field === "cropScale" ? "0 < min ≤ max ≤ 1" : "0 < min ≤ max";
      return `${field}=[${min}, ${max}]: expected ${expected}`;
    }
  }
  const [least, most] = recipe.blurSigma;
  if (!(least >= 0.001 && least <= most && most <= 1000)) {
    return `blurSigma=[${least}, ${most}]: expected 0.001 ≤ min ≤ max ≤ 1000`;
  }
  const { cropSize, blurKernel } = recipe;
  if (!(Number.isInteger(cropSize) && cropSize >= 1 && cropSize <= 4096)) {
    return `cropSize=${cropSize}: expected a whole number from 1 to 4096`;
  }
  // A reflected border needs that many pixels beside the edge one.
  if (!(Number.isInteger(blurKernel) && blurKernel % 2 === 1 && blurKernel < 2 * cropSize)) {
    return `blurKernel=${blurKernel}: expected an odd whole number below 2 · cropSize=${
      2 * cropSize
    }`;
  }
  return undefined;
}
