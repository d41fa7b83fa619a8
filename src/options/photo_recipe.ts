/**
 * The default recipe of a folder of photos: the one that was tested on 1,500 photos (docs/imagenet.md), scaled by the
 * number and the size of the images; ImageNet's for many images.
 *
 * @module
 */

import { counted } from "../base/counted.ts";
import { shownValue } from "../base/option_values.ts";
import { SMALL_SIDE } from "../recipes/stem.ts";
import { heldOutOf } from "../recipes/hold_out.ts";
import { isGiven, type Origins, type RunConfig } from "./config.ts";
import { BYOL_IMAGENET, PHOTOS } from "./presets.ts";
import { optionOf } from "./table.ts";

/** Description of a folder's training images, made before they are opened. */
export interface PhotoSurvey {
  /** Number of images, at most `MOST_SURVEYED`. */
  count: number;
  /** Median of the images' shorter sides in pixels, by a sample; undefined where no sampled file tells its size. */
  side: number | undefined;
  /** Number of test images, at most `MOST_SURVEYED`; 0 where they or several classes are missing. */
  tested: number;
  /** Number of classes, which held-out images can be tested by. */
  classes: number;
}

/** Number from which on images are not counted, and a folder gets the recipe of ImageNet. */
export const MOST_SURVEYED = 100_000;

/** The images that the recipe was tested on (docs/imagenet.md). */
const TESTED: Readonly<PhotoSurvey> = { count: 1500, side: 80, tested: 500, classes: 10 };
/** Images that the tested training saw: 200 epochs of 1,500. Smaller data sets are passed more often. */
const TESTED_IMAGES_SEEN = TESTED.count * PHOTOS.epochs;
const EPOCHS = { least: 100, most: 1000 } as const;
/** Side of the views, in pixels, below and from `count` images on. */
const SIDES = { few: 64, many: 128, count: 10_000, least: 32 } as const;
/** Least number of steps in an epoch, which small data sets reach by smaller batches. */
const LEAST_STEPS = 4;

/** Values that a recipe for photos sets: options of the recipe, the size of the views, the views of the probe. */
export type PhotoRecipe = Partial<RunConfig>;

/**
 * Returns the default recipe for the images of a folder.
 *
 * @param given the options that the user gave: the warm-up follows --nb_epochs, the learning rate --batch_size, and
 * held-out images are tested on
 */
export function photoRecipe(
  survey: PhotoSurvey | undefined,
  given: Partial<RunConfig>,
): PhotoRecipe {
  const { count: found, side, tested, classes } = survey ?? TESTED;
  const holdOut = given.holdOut ?? null;
  const count = Math.min(found - heldOutOf(found, holdOut), given.limitTrain ?? Infinity);
  const isTested = tested > 0 || holdOut !== null && classes > 1;
  const without = isTested ? {} : { evalEveryEpochs: 0 };
  if (count >= MOST_SURVEYED) return { ...BYOL_IMAGENET, ...without };
  const ownEpochs = clamped(Math.round(TESTED_IMAGES_SEEN / count / 10) * 10, EPOCHS);
  const epochs = given.epochs ?? ownEpochs;
  const ownBatch = clamped(powerOfTwo(count / LEAST_STEPS), { least: 2, most: PHOTOS.batchSize });
  const batchSize = given.batchSize ?? ownBatch;
  const half = Math.ceil(epochs / 2);
  const imageSize = given.imageSize ?? sideOfViews(count, side, given.resnetType);
  return {
    ...PHOTOS,
    ...imageSize <= SMALL_SIDE && { stem: "cifar" },
    epochs,
    warmupEpochs: Math.round(epochs * PHOTOS.warmupEpochs / PHOTOS.epochs),
    batchSize,
    learningRate: PHOTOS.learningRate * Math.min(1, batchSize / PHOTOS.batchSize),
    evalEveryEpochs: half,
    saveEveryEpochs: half,
    imageSize,
    probeAugment: false,
    ...without,
  };
}

/** Returns the side of the views: at most the images' own, in steps of 16 pixels; small for the small resnet20. */
function sideOfViews(count: number, side: number = Infinity, resnetType?: string): number {
  const usual = count < SIDES.count || resnetType === "resnet20" ? SIDES.few : SIDES.many;
  return clamped(Math.floor(side / 16) * 16, { least: SIDES.least, most: usual });
}

function clamped(value: number, { least, most }: { least: number; most: number }): number {
  return Math.min(most, Math.max(least, value));
}

/** Returns the largest power of two that is at most `value`, or 1. */
function powerOfTwo(value: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(value)));
}

/** Options of the recipe that its note names, in this order; the others are those of every recipe. */
const NAMED = [
  ...[
    "resnetType",
    "stem",
    "imageSize",
    "epochs",
    "warmupEpochs",
    "batchSize",
    "learningRate",
    "eta",
  ],
  ...["tauBase", "hiddenDim", "zDim", "evalEveryEpochs", "probeAugment"],
] as (keyof RunConfig)[];

/**
 * Returns the lines that name a folder's recipe: the chosen options, the reason, and the way to change them; none where
 * the user gave all of them.
 *
 * @param survey the images; undefined for a run that keeps the recipe of its beginning
 */
export function photoNotes(
  { config, origins }: { config: RunConfig; origins: Origins },
  survey: PhotoSurvey | "kept",
): string[] {
  const left: readonly (keyof RunConfig)[] = config.timeBudget === null
    ? []
    : ["epochs", "warmupEpochs"];
  const chosen = NAMED.filter((field) =>
    !isGiven(origins[field]) && config[field] !== null && !left.includes(field)
  );
  if (chosen.length === 0) return [];
  const options = chosen.map((field) => `--${optionOf(field).option}=${shownValue(config[field])}`);
  const notes = [
    `Recipe ${reasonFor(config, survey)}: ${options.join(" ")}`,
    "Any of these options may be given, or a --preset; docs/imagenet.md tells how they follow from the images",
  ];
  if (survey !== "kept" && survey.tested === 0 && config.evalEveryEpochs === 0) {
    notes.push(
      "Nothing is evaluated: the folder has no val/ beside train/ with the same class folders" +
        (survey.classes > 1 ? "; --hold_out=10% evaluates on a tenth of the images" : ""),
    );
  }
  return notes;
}

function reasonFor({ limitTrain }: RunConfig, survey: PhotoSurvey | "kept"): string {
  if (survey === "kept") return "of this run, as it began";
  const { count, side } = survey;
  if (count >= MOST_SURVEYED && (limitTrain ?? count) >= MOST_SURVEYED) {
    return `for ${MOST_SURVEYED} images or more, ImageNet's`;
  }
  const size = side === undefined ? "" : ` with a shorter side of ${side} pixels (median)`;
  return `for ${counted(Math.min(count, limitTrain ?? count), "image")}${size}`;
}
