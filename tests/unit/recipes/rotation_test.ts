import { deepEqual, equal } from "node:assert/strict";
import { rotationRecipe } from "../../../src/recipes/rotation.ts";
import { recipesAt } from "../../../src/recipes/schedules.ts";
import { loadAugmentSchedule } from "../../../src/recipes/view_schedule.ts";
import { problemOfRecipe } from "../../../src/recipes/view_fields.ts";
import { VIEW_RECIPES } from "../../../src/recipes/views.ts";
import { inFolder } from "../../support/in_folder.ts";

const RUN = { datasetName: "cifar10", preset: null, augSchedule: null, epochs: 10 } as const;

Deno.test("without the auxiliary there is no third view, and a schedule is what it was", () => {
  const schedule = loadAugmentSchedule(RUN, 100);
  deepEqual(Object.keys(schedule), ["view1", "view2"]);
  deepEqual(loadAugmentSchedule({ ...RUN, rotationWeight: 0 }, 100), schedule);
  deepEqual(Object.keys(recipesAt(schedule, 0)), ["view1", "view2"]);
});

Deno.test("the third view has half the side of the run's views, also while they grow", () => {
  const sideOf = (
    more: { preset?: string; imageSize?: number; datasetName?: "imagenet" },
    step = 0,
  ) =>
    recipesAt(loadAugmentSchedule({ ...RUN, rotationWeight: 1, ...more }, 100), step)
      .view3?.cropSize;
  equal(sideOf({}), 16);
  equal(sideOf({ imageSize: 64 }), 32);
  equal(sideOf({ datasetName: "imagenet" }), 112);
  deepEqual([0, 999].map((step) => sideOf({ preset: "cifar10_fast" }, step)), [16, 16]);
});

Deno.test("the third view is E-SSL's: crops from 20 %, flip, jitter, grayscale; neither blur nor solarization", async () => {
  const { view1 } = VIEW_RECIPES.cifar10;
  const recipe = rotationRecipe({ ...view1, cropScale: [0.08, 1] }, { cropSize: 16 });
  equal(problemOfRecipe(recipe), undefined);
  deepEqual(recipe, {
    ...{ cropSize: 16, cropScale: [0.2, 1], cropRatio: [3 / 4, 4 / 3], flipProbability: 0.5 },
    ...{ jitterProbability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
    ...{ grayscaleProbability: 0.2, blurProbability: 0, blurSigma: [0.1, 2], blurKernel: 1 },
    ...{ solarizeProbability: 0, solarizeThreshold: 128 / 255 },
  });
  // The colours follow those of the first view.
  await inFolder((folder) => {
    const augSchedule = `${folder}/aug.json`;
    Deno.writeTextFileSync(augSchedule, JSON.stringify({ view1: { hue: [[0, 0], ["50%", 0.2]] } }));
    const schedule = loadAugmentSchedule({ ...RUN, augSchedule, rotationWeight: 1 }, 100);
    deepEqual([0, 500].map((step) => recipesAt(schedule, step).view3?.hue), [0, 0.2]);
  });
});
