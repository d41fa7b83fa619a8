/**
 * The presets against numbers typed from their sources. Nothing of src/options/presets.ts is used for what is expected.
 */

import { deepEqual, equal } from "node:assert/strict";
import type { Recipe } from "../../../src/options/config.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { PRESETS } from "../../../src/options/presets.ts";
import { PRESET_NAMES, type PresetName } from "../../../src/recipes/preset_views.ts";
import { recipesAt } from "../../../src/recipes/schedules.ts";
import { loadAugmentSchedule } from "../../../src/recipes/view_schedule.ts";

interface Row {
  /** Publication of the numbers. */
  source: string;
  /** Network, epochs, warm-up epochs, batch. */
  run: [string, number, number, number];
  /** Learning rate at that batch, momentum, weight decay, LARS's eta, tau_base. */
  rates: [number, number, number, number, number];
  /** Heads, batch statistics, form of LARS. */
  forms: [string, string, string];
  /** Width and length of the heads' outputs. */
  heads: [number, number];
  /** Epochs, batch and learning rate of the probe. */
  probe: [number, number, number];
}

const REFERENCE_FORMS: Row["forms"] = ["reference", "joint", "reference"];
const DEEPMIND_FORMS: Row["forms"] = ["deepmind", "separate", "deepmind"];
const REFERENCE_PROBE: Row["probe"] = [90, 256, 0.2];
// byol/configs/eval.py: 80 epochs, base rate 0.2 for 256 images.
const DEEPMIND_PROBE: Row["probe"] = [80, 256, 0.2];
const DEEPMIND_CODE = "google-deepmind/deepmind-research, byol/configs/byol.py and README.md";
const PAPER_HEADS: Row["heads"] = [4096, 256];

const PUBLISHED: Readonly<Record<PresetName, Row>> = {
  byol_cifar10: {
    source: "ADevillers/BYOL, defaults for cifar10",
    run: ["resnet18", 800, 10, 512],
    rates: [2, 0.9, 1e-6, 1e-3, 0.996],
    ...{ forms: REFERENCE_FORMS, heads: PAPER_HEADS, probe: REFERENCE_PROBE },
  },
  cifar10_tuned: {
    source: "byol_cifar10 with the tau of solo-learn and lightly",
    run: ["resnet18", 800, 10, 512],
    rates: [2, 0.9, 1e-6, 1e-3, 0.99],
    ...{ forms: REFERENCE_FORMS, heads: PAPER_HEADS, probe: REFERENCE_PROBE },
  },
  cifar10_fast: {
    source: "docs/recipes.md, a fast recipe: this project's own",
    run: ["resnet18", 500, 10, 512],
    rates: [4, 0.9, 1e-6, 1e-3, 0.99],
    ...{ forms: REFERENCE_FORMS, heads: PAPER_HEADS, probe: REFERENCE_PROBE },
  },
  cifar10_cpu: {
    source: "docs/recipes.md, the recipe for two cores: this project's own",
    run: ["resnet20", 120, 10, 256],
    rates: [1, 0.9, 1e-6, 5e-3, 0.99],
    ...{ forms: REFERENCE_FORMS, heads: [512, 256], probe: REFERENCE_PROBE },
  },
  solo_cifar10: {
    source:
      "vturrisi/solo-learn, scripts/pretrain/cifar/byol.yaml; each crop passes alone (solo/methods)",
    run: ["resnet18", 1000, 10, 256],
    rates: [1, 0.9, 1e-5, 0.02, 0.99],
    forms: ["reference", "separate", "clipped"],
    ...{ heads: PAPER_HEADS, probe: REFERENCE_PROBE },
  },
  byol_imagenet: {
    source: "ADevillers/BYOL, defaults for imagenet",
    run: ["resnet50", 1000, 10, 4096],
    rates: [3.2, 0.9, 1.5e-6, 1e-3, 0.996],
    ...{ forms: REFERENCE_FORMS, heads: PAPER_HEADS, probe: REFERENCE_PROBE },
  },
  byol_imagenet_512: {
    source: "Grill et al. 2020, appendix G: base rate 0.4, times 512 / 256",
    run: ["resnet50", 1000, 10, 512],
    rates: [0.8, 0.9, 1.5e-6, 1e-3, 0.9995],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
  deepmind_40: {
    source: DEEPMIND_CODE,
    run: ["resnet50", 40, 10, 4096],
    rates: [7.2, 0.9, 1e-6, 1e-3, 0.97],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
  deepmind_100: {
    source: DEEPMIND_CODE,
    run: ["resnet50", 100, 10, 4096],
    rates: [7.2, 0.9, 1e-6, 1e-3, 0.99],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
  deepmind_300: {
    source: DEEPMIND_CODE,
    run: ["resnet50", 300, 10, 4096],
    rates: [4.8, 0.9, 1e-6, 1e-3, 0.99],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
  deepmind_1000: {
    source: DEEPMIND_CODE,
    run: ["resnet50", 1000, 10, 4096],
    rates: [3.2, 0.9, 1.5e-6, 1e-3, 0.996],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
  imagenette: {
    source: `${DEEPMIND_CODE}, "Setup for fast iteration"`,
    run: ["resnet18", 1000, 10, 256],
    rates: [2, 0.9, 1e-6, 1e-3, 0.996],
    ...{ forms: DEEPMIND_FORMS, heads: PAPER_HEADS, probe: DEEPMIND_PROBE },
  },
};

/** The fields of a recipe that the rows above hold. */
const IN_ROWS: readonly (keyof Recipe)[] = [
  ...["resnetType", "epochs", "warmupEpochs", "batchSize", "learningRate", "momentum"] as const,
  ...["weightDecay", "eta", "tauBase", "heads", "bnViews", "larsVariant", "hiddenDim"] as const,
  ...["zDim", "probeEpochs", "probeBatchSize", "probeLearningRate"] as const,
];

Deno.test("each preset holds the numbers of its source", () => {
  deepEqual(Object.keys(PUBLISHED), PRESET_NAMES);
  for (const name of PRESET_NAMES) {
    const { source, run, rates, forms, heads, probe } = PUBLISHED[name];
    const { recipe } = PRESETS[name];
    const values = [...run, ...rates, ...forms, ...heads, ...probe];
    for (const [index, field] of IN_ROWS.entries()) {
      const found = recipe[field];
      const isEqual = typeof found === "number"
        ? Math.abs(found - Number(values[index])) <= 1e-12 * found
        : found === values[index];
      equal(isEqual, true, `${name}: ${field} is ${found}, ${values[index]} in ${source}`);
    }
    deepEqual([recipe.probeMomentum, recipe.probeWeightDecay], [0.9, 0]);
    // A GPU's precision is the user's choice.
    for (const field of ["precision", "ampDtype", "tf32", "dtype", "hardware"]) {
      equal(field in recipe, false, `${name} sets ${field}`);
    }
  }
});

Deno.test("a preset whose rate is that of 256 images follows the batch", () => {
  const rateAt = (...args: string[]): number => {
    const environment = { variable: () => undefined, exists: () => true, cores: 2 };
    return parseCommandLine("train", [...args, "--data_dir=x"], environment).config.learningRate;
  };
  equal(rateAt("--preset=byol_imagenet_512"), 0.8);
  equal(rateAt("--preset=byol_imagenet_512", "--batch_size=256"), 0.4);
  equal(rateAt("--preset=solo_cifar10", "--batch_size=512"), 2);
  equal(rateAt("--preset=cifar10_fast", "--batch_size=256"), 4);
});

Deno.test("the views of the CIFAR-10 presets are those of their sources", () => {
  const epochs = 10;
  const at = (preset: PresetName, step: number) => {
    const config = { datasetName: "cifar10", preset, augSchedule: null, epochs } as const;
    return recipesAt(loadAugmentSchedule(config, 100), step);
  };
  // cropScale's least, blur of both views, solarization of both, grayscale: solo-learn's asymmetric.yaml; recipes.md.
  for (
    const [preset, grayscale] of [
      ["solo_cifar10", 0.2],
      ["cifar10_tuned", 0.2],
      ["cifar10_fast", 0.1],
      ["cifar10_cpu", 0.1],
    ] as const
  ) {
    const { view1, view2 } = at(preset, 0);
    deepEqual([view1.cropScale, view2.cropScale], [[0.08, 1], [0.08, 1]], preset);
    deepEqual([view1.blurProbability, view2.blurProbability], [0, 0], preset);
    deepEqual([view1.solarizeProbability, view2.solarizeProbability], [0, 0.2], preset);
    deepEqual([view1.grayscaleProbability, view2.grayscaleProbability], [grayscale, grayscale]);
    const sides = [0, 599, 600, 999].map((step) => at(preset, step).view1.cropSize);
    const grows = preset === "cifar10_fast" || preset === "cifar10_cpu";
    deepEqual(sides, grows ? [24, 24, 32, 32] : [32, 32, 32, 32], preset);
    equal(at(preset, 599).view2.cropSize, sides[1]);
  }
});
