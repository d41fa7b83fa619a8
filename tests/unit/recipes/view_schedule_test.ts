import assert from "node:assert/strict";
import { problemOfRecipe } from "../../../src/recipes/view_fields.ts";
import { join } from "node:path";
import {
  NORMALISATION,
  PROBE_TRANSFORMS,
  probeAtSize,
  VIEW_RECIPES,
  type ViewRecipe,
  viewsAtSize,
} from "../../../src/recipes/views.ts";
import {
  type AugmentSchedule,
  constantSchedule,
  loadAugmentSchedule,
  parseAugmentSchedule,
} from "../../../src/recipes/view_schedule.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { probeTransformsOf } from "../../../src/recipes/preset_views.ts";
import { recipesAt } from "../../../src/recipes/schedules.ts";
import { inFolder } from "../../support/in_folder.ts";

const CIFAR = VIEW_RECIPES.cifar10;

/** Reads a schedule for a run of 10 epochs of 100 steps. */
function parse(json: unknown): AugmentSchedule {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  return parseAugmentSchedule(text, {
    path: "aug.json",
    views: CIFAR,
    epochs: 10,
    stepsPerEpoch: 100,
  });
}

function refusal(json: unknown): string {
  let message = "";
  assert.throws(() => parse(json), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.exitCode, ExitCode.usage);
    message = error.message;
    return true;
  });
  assert.match(message, /^Cannot .*--aug_schedule=aug\.json/);
  return message;
}

const RAMP = { from: 0.1, to: 0.4, startEpoch: 0, endEpoch: 10, curve: "linear" };

Deno.test("the published recipes differ between the views only in blur and solarization", () => {
  const { view1, view2 } = CIFAR;
  assert.equal(view1.blurProbability, 1);
  assert.equal(view2.blurProbability, 0.1);
  assert.equal(view1.solarizeProbability, 0);
  assert.equal(view2.solarizeProbability, 0.2);
  assert.deepEqual({ ...view1, blurProbability: 0.1, solarizeProbability: 0.2 }, view2);
  assert.deepEqual(view1, {
    cropSize: 32,
    cropScale: [0.2, 1],
    cropRatio: [0.75, 4 / 3],
    flipProbability: 0.5,
    jitterProbability: 0.8,
    brightness: 0.4,
    contrast: 0.4,
    saturation: 0.2,
    hue: 0.1,
    grayscaleProbability: 0.2,
    blurProbability: 1,
    blurSigma: [0.1, 2],
    blurKernel: 3,
    solarizeProbability: 0,
    solarizeThreshold: 0.50196078431372548,
  });
  const imagenet = VIEW_RECIPES.imagenet.view1;
  assert.deepEqual([imagenet.cropSize, imagenet.blurKernel], [224, 23]);
  assert.deepEqual(imagenet.cropScale, [0.08, 1]);
});

Deno.test("every published recipe passes the check; the data sets have their constants", () => {
  for (const dataset of ["demo", "cifar10", "imagenet", "folder"] as const) {
    const { view1, view2 } = VIEW_RECIPES[dataset];
    for (const recipe of [view1, view2, PROBE_TRANSFORMS[dataset].train]) {
      assert.equal(problemOfRecipe(recipe), undefined);
    }
    assert.ok(NORMALISATION[dataset].std.every((std) => std > 0));
  }
  assert.deepEqual(PROBE_TRANSFORMS.cifar10.test, { resize: 36, crop: 32 });
  assert.deepEqual(PROBE_TRANSFORMS.imagenet.test, { resize: 256, crop: 224 });
  assert.deepEqual(PROBE_TRANSFORMS.cifar10.train.cropScale, [0.08, 1]);
  assert.deepEqual(NORMALISATION.cifar10.mean, [0.4914, 0.4822, 0.4465]);
});

Deno.test("a recipe no view can be made with is refused by the name of its field", () => {
  const bad: [keyof ViewRecipe, unknown][] = [
    ["cropSize", 0],
    ["cropSize", 32.5],
    ["cropScale", [0, 1]],
    ["cropScale", [0.5, 0.2]],
    ["cropScale", [0.5, 1.1]],
    ["cropRatio", [-1, 1]],
    ["blurSigma", [0, 1]],
    ["blurSigma", [1e-300, 1]],
    ["blurSigma", [0.1, 1001]],
    ["flipProbability", 1.1],
    ["jitterProbability", NaN],
    ["brightness", -0.1],
    ["contrast", Infinity],
    ["contrast", 1001],
    ["saturation", NaN],
    ["hue", 0.6],
    ["grayscaleProbability", -1],
    ["blurProbability", 2],
    ["blurKernel", 4],
    ["blurKernel", 65],
    ["solarizeProbability", 7],
    ["solarizeThreshold", 128],
  ];
  for (const [field, value] of bad) {
    const problem = problemOfRecipe({ ...CIFAR.view1, [field]: value });
    assert.match(problem ?? "", new RegExp(`^${field}=.*: expected `), `${field}=${value}`);
  }
});

Deno.test("the default schedule is constant", () => {
  const schedule = constantSchedule(CIFAR);
  for (const step of [0, 1, 77_599]) assert.deepEqual(recipesAt(schedule, step), CIFAR);
  assert.deepEqual(recipesAt(parse({}), 500), CIFAR);
});

Deno.test("what a file moves has its two values at the ends of the span, and nothing else moves", () => {
  const schedule = parse({
    view1: {
      brightness: { ...RAMP, startEpoch: 2, endEpoch: 4 },
      cropScale: [{ ...RAMP, from: 0.5, to: 0.2, curve: "cosine" }, 0.9],
    },
    view2: { solarizeProbability: 0.3 },
  });
  const first = recipesAt(schedule, 0);
  assert.equal(first.view1.brightness, 0.1);
  assert.deepEqual(first.view1.cropScale, [0.5, 0.9]);
  assert.equal(recipesAt(schedule, 200).view1.brightness, 0.1);
  assert.ok(Math.abs(recipesAt(schedule, 300).view1.brightness - 0.25) < 1e-12);
  assert.equal(recipesAt(schedule, 400).view1.brightness, 0.4);
  assert.ok(Math.abs(recipesAt(schedule, 500).view1.cropScale[0] - 0.35) < 1e-12);
  const end = recipesAt(schedule, 1000);
  assert.deepEqual(end.view1, { ...CIFAR.view1, brightness: 0.4, cropScale: [0.2, 0.9] });
  assert.deepEqual(end.view2, { ...CIFAR.view2, solarizeProbability: 0.3 });
  assert.deepEqual(recipesAt(schedule, 0), first, "evaluating a later step left its mark");
  assert.deepEqual(CIFAR.view1.cropScale, [0.2, 1], "the published recipe was changed");
});

Deno.test("a value changes in steps, at positions in epochs or as shares of the run", () => {
  const cropSize = [[0, 24], ["60%", 28], [8, 32]];
  const schedule = parse({
    view1: { cropSize, cropScale: [[["0%", 0.5], ["50%", 0.2]], 1] },
    view2: { cropSize },
  });
  const sizes = [0, 599, 600, 799, 800, 1000].map((step) => {
    const { view1, view2 } = recipesAt(schedule, step);
    assert.equal(view1.cropSize, view2.cropSize);
    return view1.cropSize;
  });
  assert.deepEqual(sizes, [24, 24, 28, 28, 32, 32]);
  assert.deepEqual(recipesAt(schedule, 499).view1.cropScale, [0.5, 1]);
  assert.deepEqual(recipesAt(schedule, 500).view1.cropScale, [0.2, 1]);
  // A ramp's positions may be shares as well.
  const hue = { ...RAMP, startEpoch: "10%", endEpoch: "30%" };
  assert.ok(Math.abs(recipesAt(parse({ view1: { hue } }), 200).view1.hue - 0.25) < 1e-12);
});

Deno.test("steps that are none are refused with the place in them", () => {
  const of = (steps: unknown) => refusal({ view1: { hue: steps } });
  assert.match(of([]), /view1\.hue is \[\], expected a first position of 0/);
  assert.match(of([["10%", 0.1]]), /expected a first position of 0/);
  assert.match(of([[0, 0.1], [0.2]]), /view1\.hue\[1\] is \[0\.2\], expected \[position, value\]/);
  assert.match(of([[0, 0.1], [5, "a"]]), /view1\.hue\[1\]\[1\] is "a", expected a finite number/);
  assert.match(of([[0, 0.1], [5, 0.2], ["50%", 0.3]]), /hue\[2\]\[0\] .*a later position/);
  assert.match(of([[0, 0.1], ["half", 0.2]]), /hue\[1\]\[0\] is "half", .*such as "60%"/);
  assert.match(of([[0, 0.1], ["101%", 0.2]]), /is "101%", expected at most --nb_epochs=10/);
  assert.match(of([[0, 0.1], [5, 0.6]]), /at step 500: view1\.hue=0\.6/);
  assert.match(refusal({ view1: { blurKernel: [[0, 3], [5, 5]] } }), /cannot move/);
});

Deno.test("the files and the fields that docs/recipes.md shows are those that are read", async () => {
  const page = await Deno.readTextFile(join(projectRoot, "docs", "recipes.md"));
  const files = [...page.matchAll(/```json\n([^`]*)```/g)].map(([, text = ""]) => text);
  assert.equal(files.length, 2);
  for (const text of files) {
    const options = { path: "aug.json", views: CIFAR, epochs: 200, stepsPerEpoch: 10 };
    assert.ok(parseAugmentSchedule(text, options).view1.moving.length > 0);
  }
  const fields = [...page.matchAll(/^\| `(\w+)` +\|[^|]*\|[^|]*\|$/gm)].map(([, name]) => name);
  assert.deepEqual(fields.sort(), Object.keys(CIFAR.view1).sort());
});

Deno.test("the crop's resolution moves in whole pixels, together in both views", () => {
  const cropSize = { ...RAMP, from: 16, to: 32 };
  const schedule = parse({ view1: { cropSize }, view2: { cropSize } });
  assert.equal(recipesAt(schedule, 0).view1.cropSize, 16);
  // 16 + 16 · 0.033 = 16.528
  assert.equal(recipesAt(schedule, 33).view2.cropSize, 17);
  assert.equal(recipesAt(schedule, 1000).view1.cropSize, 32);
  assert.match(
    refusal({ view1: { cropSize } }),
    /at step 0: view1\.cropSize=16 and view2\.cropSize=32, expected the same$/,
  );
});

Deno.test("a bad file is refused with the place in it", () => {
  assert.match(refusal("{"), /expected JSON/);
  assert.match(refusal([]), /the whole file is \[\], expected an object with view1, view2/);
  assert.match(refusal({ view3: {} }), /unknown field view3/);
  assert.match(refusal({ view1: { bright: 1 } }), /unknown field view1\.bright, .*brightness/);
  assert.match(refusal({ view1: { hue: "0.1" } }), /view1\.hue is "0\.1", expected a number/);
  assert.match(refusal({ view1: { cropScale: 0.2 } }), /view1\.cropScale is 0\.2, .*array of two/);
  assert.match(refusal({ view1: { cropScale: [0.2, null] } }), /view1\.cropScale\[1\] is null/);
  assert.match(
    refusal({ view2: { hue: { ...RAMP, speed: 1 } } }),
    /unknown field view2\.hue\.speed/,
  );
  const { to: _, ...half } = RAMP;
  assert.match(refusal({ view1: { hue: half } }), /view1\.hue\.to is missing/);
  const at = (change: object) => refusal({ view1: { hue: { ...RAMP, ...change } } });
  assert.match(at({ curve: "step" }), /view1\.hue\.curve is "step", expected "linear" or "cosine"/);
  assert.match(at({ from: "a" }), /view1\.hue\.from is "a", expected a finite number/);
  assert.match(at({ startEpoch: -1 }), /view1\.hue\.startEpoch is -1, expected at least 0/);
  assert.match(
    at({ startEpoch: 5, endEpoch: 5 }),
    /endEpoch is 5, expected more than startEpoch=5/,
  );
  assert.match(at({ endEpoch: 11 }), /endEpoch is 11, expected at most --nb_epochs=10/);
  assert.match(refusal({ view1: { blurKernel: { ...RAMP, from: 3, to: 5 } } }), /cannot move/);
});

Deno.test("a value out of range is refused, also where it is reached in mid-run only", () => {
  assert.match(
    refusal({ view1: { hue: 0.6 } }),
    /view1\.hue=0\.6: expected a number from 0 to 0\.5/,
  );
  // The ends cross after the ramp of the lower one overtakes the upper: at 0.5 + 0.5 · s / 1000 > 0.75.
  const low = { ...RAMP, from: 0.5, to: 1 };
  assert.match(
    refusal({ view2: { cropScale: [low, 0.75] } }),
    /at step 501: view2\.cropScale=\[0\.7505, 0\.75\]: expected 0 < min ≤ max ≤ 1/,
  );
});

Deno.test("a run's schedule starts from its preset's views, else its data set's", async () => {
  const run = { datasetName: "cifar10", preset: null, augSchedule: null, epochs: 10 } as const;
  assert.deepEqual(recipesAt(loadAugmentSchedule(run, 100), 0), CIFAR);
  const tuned = recipesAt(loadAugmentSchedule({ ...run, preset: "cifar10_tuned" }, 100), 0);
  assert.deepEqual(tuned.view1.cropScale, [0.08, 1]);
  assert.deepEqual([tuned.view1.blurProbability, tuned.view2.blurProbability], [0, 0]);
  assert.equal(tuned.view2.solarizeProbability, 0.2);

  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "aug.json");
    await Deno.writeTextFile(path, JSON.stringify({ view1: { hue: 0.2 } }));
    const scheduled = { ...run, preset: "cifar10_tuned", augSchedule: path };
    const recipe = recipesAt(loadAugmentSchedule(scheduled, 100), 0).view1;
    assert.deepEqual(recipe, { ...tuned.view1, hue: 0.2 });
    assert.throws(
      () => loadAugmentSchedule({ ...run, augSchedule: join(folder, "none.json") }, 100),
      (error) => error instanceof UserError && error.exitCode === ExitCode.usage,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a preset's growing views follow --image_size and the length of the run, and yield to a file", async () => {
  const run = { datasetName: "cifar10", preset: "cifar10_fast", augSchedule: null, epochs: 10 };
  const config = { ...run, datasetName: "cifar10" } as const;
  const sides = (more: Partial<typeof config> & { imageSize?: number }): number[] => {
    const schedule = loadAugmentSchedule({ ...config, ...more } as typeof config, 100);
    return [0, 599, 600].map((step) => recipesAt(schedule, step).view2.cropSize);
  };
  assert.deepEqual(sides({}), [24, 24, 32]);
  assert.deepEqual(sides({ imageSize: 64 }), [48, 48, 64]);
  assert.deepEqual(sides({ epochs: 100 }), [24, 24, 24]);
  await inFolder(async (folder) => {
    const augSchedule = join(folder, "aug.json");
    const write = (json: unknown): Promise<void> =>
      Deno.writeTextFile(augSchedule, JSON.stringify(json));
    await write({ view1: { hue: 0.2 } });
    const some = { ...config, augSchedule } as unknown as typeof config;
    assert.deepEqual(sides(some), [24, 24, 32]);
    assert.equal(recipesAt(loadAugmentSchedule(some, 100), 0).view1.hue, 0.2);
    await write({ view1: { cropSize: 32 }, view2: { cropSize: 32 } });
    assert.deepEqual(sides(some), [32, 32, 32]);
  });
});

Deno.test("an evaluation takes its preset's transforms, and those of the data set without any", () => {
  const imagenet = { datasetName: "imagenet", preset: null, imageSize: null } as const;
  assert.deepEqual(probeTransformsOf(imagenet), PROBE_TRANSFORMS.imagenet);
  // google-deepmind/deepmind-research, byol/README.md: 128 for each 224, so a crop of 128 / (128 + 32).
  const imagenette = { ...imagenet, preset: "imagenette" };
  const { train, test } = probeTransformsOf(imagenette);
  assert.deepEqual([train.cropSize, train.cropScale], [128, [0.08, 1]]);
  assert.deepEqual(test, { resize: 160, crop: 128 });
  assert.deepEqual(probeTransformsOf({ ...imagenette, imageSize: 64 }).test, {
    resize: 80,
    crop: 64,
  });
  assert.deepEqual(probeTransformsOf({ ...imagenet, imageSize: 64 }).test, {
    resize: 73,
    crop: 64,
  });
});

Deno.test("views and the probe's transforms follow the size that is asked for", () => {
  for (const [size, kernel] of [[224, 23], [128, 13], [64, 7], [32, 3]] as const) {
    const { view1, view2 } = viewsAtSize(VIEW_RECIPES.imagenet, size);
    assert.deepEqual([view1.cropSize, view1.blurKernel], [size, kernel]);
    assert.equal(problemOfRecipe(view2), undefined);
  }
  assert.deepEqual(viewsAtSize(VIEW_RECIPES.cifar10, 32), VIEW_RECIPES.cifar10);
  const { train, test } = probeAtSize(PROBE_TRANSFORMS.imagenet, 64);
  assert.deepEqual([train.cropSize, test], [64, { resize: 73, crop: 64 }]);
});
