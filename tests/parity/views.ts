/** Views against torchvision's: given operations, drawn parameters, and the views that training makes. */

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { NORMALISATION, PROBE_TRANSFORMS, type ViewRecipe } from "../../src/recipes/views.ts";
import { loadAugmentSchedule } from "../../src/recipes/view_schedule.ts";
import { Dataset, type DatasetSource } from "../../src/native/dataset.ts";
import { DataJob } from "../../src/native/data_job.ts";
import { renderViews, sampleViews, type ViewCases } from "../../src/native/views.ts";
import { recipesAt } from "../../src/recipes/schedules.ts";
import { realData } from "../support/real_data.ts";
import { askOracle, type OracleReport, type ParityCheck } from "./oracle.ts";
import {
  PUBLISHED_NORMALISATION,
  PUBLISHED_PROBE_VIEW,
  PUBLISHED_VIEWS,
} from "./published_recipes.ts";
import { inFolder } from "../support/in_folder.ts";

const DRAWS = 10_000;
/** Images whose training views are compared. */
const BATCH = 64;

/** Images to render the operations on. */
interface Material {
  name: string;
  /** The photos, and the side they are cut to; null: as they are. */
  photos: { paths: () => string[]; side: number | null } | null;
  cropSize: number;
  blurKernel: number;
  resize: number;
}

const CIFAR_SIZES = { cropSize: 32, blurKernel: 3, resize: 36 };
const IMAGENET_SIZES = { cropSize: 224, blurKernel: 23, resize: 256 };

/** The comparisons that need nothing beside the oracle: what the tests run, and what the bench runs. */
export const VIEW_CHECKS: { short: ParityCheck[]; long: ParityCheck[] } = {
  short: [
    operationsCheck({ name: "demo images, 32 px", photos: null, ...CIFAR_SIZES }),
    trainingViewsCheck({ kind: "demo", train: true, count: 256 }),
    samplerCheck("cifar10", "view1"),
    samplerCheck("cifar10", "view2"),
    samplerCheck("imagenet", "view2"),
    samplerCheck("cifar10_tuned", "view1"),
    probeSamplerCheck(),
  ],
  long: [
    operationsCheck({ name: "demo images, 32 px", photos: null, ...CIFAR_SIZES }),
    trainingViewsCheck({ kind: "demo", train: true, count: 256 }),
    ...(["cifar10", "imagenet", "cifar10_tuned"] as const).flatMap((recipe) =>
      (["view1", "view2"] as const).map((view) => samplerCheck(recipe, view))
    ),
    probeSamplerCheck(),
  ],
};

/** The comparisons on real photos (tests/support/real_data.ts). */
export const PHOTO_CHECKS: { short: ParityCheck[]; long: ParityCheck[] } = {
  short: photoChecks(2),
  long: photoChecks(10),
};

/** Returns true where there are photos to compare on. */
export function hasPhotos(): boolean {
  return realData("imagenette224/val") !== undefined && realData("photos/varied") !== undefined;
}

function photoChecks(count: number): ParityCheck[] {
  const square = (): string[] => photosIn("imagenette224/val", count);
  const varied = (): string[] => photosIn("photos/varied", count);
  return [
    operationsCheck({
      name: `${count} photos cut to 32 px, views of 32`,
      photos: { paths: square, side: 32 },
      ...CIFAR_SIZES,
    }),
    operationsCheck({
      name: `${count} photos of 224 px, views of 32`,
      photos: { paths: square, side: null },
      ...CIFAR_SIZES,
    }),
    operationsCheck({
      name: `${count} photos of many sizes, views of 224`,
      photos: { paths: varied, side: null },
      ...IMAGENET_SIZES,
    }),
  ];
}

/** The first photo of each of the first folders. */
function photosIn(part: string, count: number): string[] {
  const folder = realData(part);
  if (folder === undefined) throw new Error(`there is no ${part}`);
  const names = (path: string): string[] =>
    [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return names(folder).slice(0, count).map((wnid) =>
    join(folder, wnid, names(join(folder, wnid))[0] ?? "")
  );
}

function operationsCheck(material: Material): ParityCheck {
  return {
    name: `operations of the views equal torchvision's: ${material.name}`,
    // Twenty-six cases an image.
    least: 50,
    run: () => inFolder((folder) => compareOperations(material, folder)),
  };
}

async function compareOperations(
  { photos, ...sizes }: Material,
  folder: string,
): Promise<OracleReport[]> {
  const [images, cases, views] = pathsIn(folder, ["images.safetensors", "cases.json", "views"]);
  if (photos === null) {
    using dataset = await openDataset({ kind: "demo", train: true, count: 8 });
    dataset.setRecipes(8, PUBLISHED_VIEWS.cifar10);
    dataset.writeViews(images, { seed: 0, step: 0, view: 0 });
  } else {
    const side = photos.side === null ? [] : [`--size=${photos.side}`];
    await askOracle("views.py", ["images", ...photos.paths(), `--out=${images}`, ...side]);
  }
  await askOracle("views.py", [
    ...["cases", `--images=${images}`, `--out=${cases}`, `--crop_size=${sizes.cropSize}`],
    ...[`--blur_kernel=${sizes.blurKernel}`, `--resize=${sizes.resize}`],
    ...["--mean", ...PUBLISHED_NORMALISATION.cifar10.mean.map(String)],
    ...["--std", ...PUBLISHED_NORMALISATION.cifar10.std.map(String)],
  ]);
  renderViews(JSON.parse(Deno.readTextFileSync(cases)), { images, path: views });
  return [await compare({ images, cases, views })];
}

/** The data sets that are held in memory: of photos, tests/unit/data/photos_test.ts tells. */
type MemorySource =
  | Extract<DatasetSource, { kind: "demo" }>
  | { kind: "cifar10"; directory: string };

function trainingViewsCheck(source: MemorySource): ParityCheck {
  return {
    name: `the views that training makes equal torchvision's: ${source.kind}`,
    least: 2 * 2 * BATCH,
    run: () => inFolder((folder) => compareTrainingViews(source, folder)),
  };
}

/** CIFAR-10's images, training views as published, of two steps in different epochs. */
export function cifarViewsCheck(directory: string): ParityCheck {
  return trainingViewsCheck({ kind: "cifar10", directory });
}

/**
 * The views of two steps, as the dataset makes them with what a run's configuration resolves to, against torchvision
 * with the parameters that were drawn, and with sizes, constants and threshold as published.
 */
async function compareTrainingViews(
  source: MemorySource,
  folder: string,
): Promise<OracleReport[]> {
  using dataset = await openDataset(source);
  const config = { datasetName: source.kind, preset: null, augSchedule: null, epochs: 2 };
  const steps = Math.floor(dataset.describe().count / BATCH);
  const schedule = loadAugmentSchedule(config, steps);
  const reports: OracleReport[] = [];
  for (const step of [1, steps + 2]) {
    dataset.setRecipes(BATCH, recipesAt(schedule, step));
    for (const view of [0, 1] as const) {
      const [cases, views] = pathsIn(folder, [`cases-${step}-${view}`, `views-${step}-${view}`]);
      const drawn = dataset.writeViews(views, { seed: 5, step, view });
      requirePublished(drawn, PUBLISHED_VIEWS.cifar10[`view${view + 1}` as "view1" | "view2"]);
      const { mean, std } = PUBLISHED_NORMALISATION.cifar10;
      Deno.writeTextFileSync(cases, JSON.stringify({ ...drawn, mean, std }));
      reports.push(await compare({ images: views, cases, views }));
    }
  }
  return reports;
}

/** Checks the parameters that are not random, and the operations of probability 0 or 1, against the published recipe. */
function requirePublished({ cropSize, blurKernel, cases }: ViewCases, recipe: ViewRecipe): void {
  deepEqual([cropSize, blurKernel], [recipe.cropSize, recipe.blurKernel]);
  const blurred = cases.filter((one) => "parameters" in one && one.parameters.blurSigma !== null);
  const threshold = cases.flatMap((one) =>
    "parameters" in one ? one.parameters.solarize ?? [] : []
  );
  if (recipe.blurProbability === 1) equal(blurred.length, cases.length);
  else equal(blurred.length < cases.length / 2, true, `${blurred.length} views are blurred`);
  if (recipe.solarizeProbability === 0) equal(threshold.length, 0);
  else equal(threshold.length > 0, true, "no view is solarized");
  deepEqual(new Set(threshold.map(Math.fround)).size <= 1, true);
  for (const value of threshold) equal(Math.fround(value), Math.fround(recipe.solarizeThreshold));
}

function samplerCheck(
  name: keyof typeof PUBLISHED_VIEWS,
  view: "view1" | "view2",
): ParityCheck {
  const preset = name === "cifar10_tuned" ? name : null;
  const datasetName = preset === null ? name as "cifar10" | "imagenet" : "cifar10";
  const config = { datasetName, preset, augSchedule: null, epochs: 1 };
  // An image that is neither square nor small, where crops may fail to fit.
  const [height, width] = datasetName === "imagenet" ? [375, 500] : [32, 32];
  return {
    name: `${DRAWS} drawn parameters follow torchvision's: ${name}, ${view}`,
    least: 15,
    run: () =>
      compareSampler(recipesAt(loadAugmentSchedule(config, 1), 0)[view], {
        published: PUBLISHED_VIEWS[name][view],
        view: view === "view1" ? 0 : 1,
        height,
        width,
      }),
  };
}

function probeSamplerCheck(): ParityCheck {
  return {
    name: `${DRAWS} drawn parameters follow torchvision's: the probe's training view`,
    least: 12,
    run: () =>
      compareSampler(PROBE_TRANSFORMS.cifar10.train, {
        published: PUBLISHED_PROBE_VIEW,
        view: 2,
        height: 32,
        width: 32,
      }),
  };
}

/** Draws with the recipe that a run uses, and judges by the published one. */
function compareSampler(
  recipe: ViewRecipe,
  options: { published: ViewRecipe; view: number; height: number; width: number },
): Promise<OracleReport[]> {
  const { published, view, height, width } = options;
  return inFolder(async (folder) => {
    const [drawn, judge] = pathsIn(folder, ["parameters.jsonl", "recipe.json"]);
    sampleViews(recipe, drawn, { seed: 11, step: 3, view, count: DRAWS, height, width });
    Deno.writeTextFileSync(judge, JSON.stringify(published));
    const image = [`--height=${height}`, `--width=${width}`];
    return [await askOracle("sampler.py", [drawn, `--recipe=${judge}`, ...image])];
  });
}

function compare(files: { images: string; cases: string; views: string }): Promise<OracleReport> {
  const options = Object.entries(files).map(([name, path]) => `--${name}=${path}`);
  return askOracle("views.py", ["compare", ...options]);
}

async function openDataset(source: MemorySource): Promise<Dataset> {
  using job = source.kind === "demo" ? undefined : await DataJob.run(
    {
      kind: "read",
      name: "cifar10",
      directory: source.directory,
      train: true,
      allowUnverified: true,
    },
  );
  return Dataset.open({
    source: source.kind === "demo" ? source : { kind: "read", job: job!.handle },
    dtype: "float32",
    workers: 1,
    normalisation: NORMALISATION[source.kind],
  });
}

function pathsIn<const Names extends readonly string[]>(
  folder: string,
  names: Names,
): { -readonly [Index in keyof Names]: string } {
  return names.map((name) => join(folder, name)) as { -readonly [Index in keyof Names]: string };
}
