import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { RunConfig } from "../../../src/options/config.ts";
import type { Environment, StoredRecord } from "../../../src/options/environment.ts";
import { parseCommandLine, type ParsedCommandLine } from "../../../src/options/parse.ts";
import { photoRecipe, type PhotoSurvey } from "../../../src/options/photo_recipe.ts";
import { stemOf } from "../../../src/recipes/stem.ts";
import { BYOL_IMAGENET } from "../../../src/options/presets.ts";

/** Resolves a training on a folder with these images. */
function train(
  args: string[],
  survey?: PhotoSurvey,
  recordOfRun?: (runDir: string) => StoredRecord | undefined,
): ParsedCommandLine {
  const environment: Environment = {
    variable: () => undefined,
    exists: () => false,
    cores: 2,
    ...survey !== undefined && { surveyPhotos: () => survey },
    ...recordOfRun !== undefined && { recordOfRun },
  };
  return parseCommandLine("train", ["--dataset_name=folder", ...args], environment);
}

const IMAGENETTE: PhotoSurvey = { count: 1500, side: 224, tested: 500, classes: 10 };

/** The options of the run in docs/imagenet.md. */
const TESTED: Partial<RunConfig> = {
  resnetType: "resnet18",
  imageSize: 64,
  batchSize: 64,
  hiddenDim: 512,
  zDim: 128,
  learningRate: 1,
  eta: 0.01,
  tauBase: 0.99,
  epochs: 200,
  warmupEpochs: 10,
  evalEveryEpochs: 100,
  probeAugment: false,
};

Deno.test("1,500 photos get the recipe that was tested on as many", () => {
  for (const side of [80, 224, 375]) {
    const { config } = train([], { ...IMAGENETTE, side });
    for (const [field, value] of Object.entries(TESTED)) {
      equal(config[field as keyof RunConfig], value, `${field} at ${side} pixels`);
    }
  }
});

Deno.test("fewer images get more epochs and smaller batches, more images fewer epochs", () => {
  const of = (count: number): (number | undefined)[] => {
    const { epochs, warmupEpochs, batchSize, learningRate, evalEveryEpochs } = photoRecipe(
      { ...IMAGENETTE, count },
      {},
    );
    return [epochs, warmupEpochs, batchSize, learningRate, evalEveryEpochs];
  };
  deepEqual(of(40), [1000, 50, 8, 0.125, 500]);
  deepEqual(of(200), [1000, 50, 32, 0.5, 500]);
  deepEqual(of(1000), [300, 15, 64, 1, 150]);
  deepEqual(of(9000), [100, 5, 64, 1, 50]);
  // Two images are the least that a batch statistic can be over.
  deepEqual(of(3), [1000, 50, 2, 1 / 32, 500]);
  deepEqual(of(1), [1000, 50, 2, 1 / 32, 500]);
});

Deno.test("views are no larger than the images, and larger where there are many", () => {
  const side = (count: number, side?: number): number | null | undefined =>
    photoRecipe({ count, side, tested: 1, classes: 10 }, {}).imageSize;
  deepEqual([side(500, 500), side(500, 63), side(500, 32), side(500, 10)], [64, 48, 32, 32]);
  deepEqual([side(20_000, 500), side(20_000, 100), side(20_000)], [128, 96, 128]);
});

Deno.test("small views get the stem for small images, as resnet20 does, unless --stem is given", () => {
  const stem = (args: string[], side: number): string => {
    const { config } = train(args, { ...IMAGENETTE, side });
    return `${config.stem} ${stemOf(config)} ${config.imageSize}`;
  };
  equal(stem([], 224), "auto imagenet 64");
  equal(stem([], 63), "cifar cifar 48");
  equal(stem(["--image_size=32"], 224), "cifar cifar 32");
  equal(stem(["--image_size=32", "--stem=imagenet"], 224), "imagenet imagenet 32");
  equal(stem(["--stem=cifar"], 224), "cifar cifar 64");
  equal(stem(["--resnet_type=resnet20"], 224), "auto cifar 64");
  const { notes } = train([], { ...IMAGENETTE, side: 32 });
  match(notes[0]!, /--resnet_type=resnet18 --stem=cifar --image_size=32 /);
});

Deno.test("a run on small photos that began before --stem keeps ImageNet's", () => {
  const survey = { ...IMAGENETTE, side: 32 };
  const begun = train(["--data_dir=/a/birds"], survey);
  const { stem: _, ...config } = begun.config;
  const { stem: __, ...origins } = begun.origins;
  const record = { config, origins } as unknown as StoredRecord;
  const resumed = train(["--data_dir=/a/birds"], survey, () => record);
  deepEqual([resumed.config.stem, stemOf(resumed.config)], ["auto", "imagenet"]);
  equal(train(["--data_dir=/a/birds"], survey, () => begun).config.stem, "cifar");
});

Deno.test("many images get ImageNet's recipe", () => {
  const { config, notes } = train([], { count: 100_000, side: 400, tested: 50, classes: 10 });
  equal(config.imageSize, null);
  equal(config.probeAugment, true);
  for (const [field, value] of Object.entries(BYOL_IMAGENET)) {
    equal(config[field as keyof RunConfig], value, field);
  }
  match(notes[0]!, /^Recipe for 100000 images or more, ImageNet's: --resnet_type=resnet50 /);
  const few = train(["--limit_train=1500"], { count: 100_000, side: 400, tested: 50, classes: 10 });
  equal(few.config.batchSize, 64);
});

Deno.test("given options take precedence, and warm-up, evaluations and rate follow them", () => {
  const given = train(["--nb_epochs=20", "--batch_size=32", "--tau_base=0.9"], IMAGENETTE);
  const { epochs, warmupEpochs, evalEveryEpochs, batchSize, learningRate, tauBase } = given.config;
  deepEqual([epochs, warmupEpochs, evalEveryEpochs], [20, 1, 10]);
  deepEqual([batchSize, learningRate, tauBase], [32, 0.5, 0.9]);
  equal(given.origins.warmupEpochs, "dataset");
  const [chosen] = given.notes;
  match(chosen!, /^Recipe for 1500 images with a shorter side of 224 pixels \(median\): /);
  match(chosen!, / --image_size=64 --nb_epochs_warmup=1 --lr_init=0.5 /);
  equal(train(["--batch_size=512"], IMAGENETTE).config.learningRate, 1);
  // A preset replaces the whole recipe.
  const preset = train(["--preset=byol_imagenet"], IMAGENETTE);
  deepEqual([preset.config.batchSize, preset.config.imageSize, preset.notes], [4096, null, []]);
});

Deno.test("a folder that nothing can be evaluated on is trained without evaluations", () => {
  const { config, notes } = train([], { ...IMAGENETTE, tested: 0 });
  equal(config.evalEveryEpochs, 0);
  match(notes.at(-1)!, /^Nothing is evaluated: the folder has no val\/ beside train\//);
  equal(train(["--clsf_every=5"], { ...IMAGENETTE, tested: 0 }).config.evalEveryEpochs, 5);
});

Deno.test("held-out images are evaluated on where there is no val/, and are not trained on", () => {
  const alone = { ...IMAGENETTE, tested: 0 };
  match(train([], alone).notes.at(-1)!, /; --hold_out=10% evaluates on a tenth of the images$/);
  const { config, notes } = train(["--hold_out=50%"], alone);
  const half = train([], { ...IMAGENETTE, count: 750 }).config;
  deepEqual([config.epochs, config.evalEveryEpochs], [half.epochs, half.evalEveryEpochs]);
  ok(notes.every((note) => !note.startsWith("Nothing is evaluated")), notes.join());
  // Images of one class have no accuracy.
  equal(train(["--hold_out=50%"], { ...alone, classes: 1 }).config.evalEveryEpochs, 0);
});

Deno.test("a run keeps the recipe in its record, whatever the folder holds by now", () => {
  const begun = train(["--data_dir=/a/birds", "--eta=0.02"], { ...IMAGENETTE, count: 200 });
  const record = (found: ParsedCommandLine) => (runDir: string) =>
    runDir === "runs/folder_birds_resnet18" ? found : undefined;
  const args = ["--data_dir=/a/birds", "--eta=0.02"];
  const resumed = train(args, { ...IMAGENETTE, count: 5000 }, record(begun));
  deepEqual(resumed.config, begun.config);
  deepEqual(resumed.origins, begun.origins);
  match(resumed.notes[0]!, /^Recipe of this run, as it began: .* --nb_epochs=1000 /);
  // An option that the user gave then, and does not give now, counts as changed.
  const without = train(["--data_dir=/a/birds"], IMAGENETTE, record(begun));
  deepEqual([without.config.eta, without.config.epochs], [0.01, 1000]);
  // A damaged value of the record is left to the check of the record.
  const damaged = { ...begun, config: { ...begun.config, batchSize: "x" } as unknown as RunConfig };
  equal(train(args, { ...IMAGENETTE, count: 200 }, record(damaged)).config.batchSize, 32);
});

Deno.test("a run of an earlier version keeps ImageNet's recipe and size", () => {
  const earlier = train(["--data_dir=/a/birds", "--preset=byol_imagenet"]);
  const { config, origins } = earlier;
  const record: StoredRecord = {
    config: { ...config, preset: null, resnetType: "resnet50" },
    origins: Object.fromEntries(
      Object.entries(origins).map((
        [field, origin],
      ) => [field, origin.startsWith("preset") ? "dataset" : origin]),
    ),
  };
  const args = ["--data_dir=/a/birds", "--run_dir=there"];
  const resumed = train(args, IMAGENETTE, () => record).config;
  deepEqual(
    [resumed.resnetType, resumed.batchSize, resumed.imageSize, resumed.probeAugment],
    ["resnet50", 4096, null, true],
  );
});
