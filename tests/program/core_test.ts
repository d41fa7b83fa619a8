import { deepEqual, equal, match, notEqual, throws } from "node:assert/strict";
import { PROBE_TRANSFORMS } from "../../src/recipes/views.ts";
import { accuracyOf } from "../../src/evaluate/feature_probe.ts";
import { Dataset } from "../../src/native/dataset.ts";
import { Learner, type LearnerOptions } from "../../src/native/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { liveHandles } from "../../src/native/core.ts";
import { call, callU32, json } from "../../src/native/call.ts";
import { NativeError } from "../../src/native/native_error.ts";
import { FeatureBank } from "../../src/native/feature_bank.ts";
import { Probe } from "../../src/native/probe.ts";
import { demoImages, NETWORK, VIEWS } from "../support/small_network.ts";

function demo(options: Parameters<typeof demoImages>[0] = {}): Dataset {
  const dataset = demoImages(options);
  dataset.setRecipes(8, VIEWS);
  return dataset;
}

function step(learner: Learner, dataset: Dataset, index: number): void {
  dataset.makeViews(7, index);
  learner.forwardBackward(dataset);
  learner.applyUpdate({ learningRate: 0.1, momentum: 0.9, weightDecay: 1e-6, eta: 0.01 });
  learner.moveTarget(0.99);
}

function digest(learner: Learner): string {
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  try {
    learner.save(path, {});
    return describeCheckpoint(path).sha256;
  } finally {
    Deno.removeSync(path);
  }
}

function refuses(body: () => unknown, code: string, message: RegExp): void {
  throws(body, (error: unknown) => {
    equal(error instanceof NativeError, true, String(error));
    equal((error as NativeError).code, code);
    match((error as NativeError).message, message);
    return true;
  });
}

/** A test that leaves no object of the core behind. */
function coreTest(name: string, body: () => void): void {
  Deno.test(name, () => {
    body();
    equal(liveHandles(), 0, "objects of the core are still alive");
  });
}

coreTest("an object that was closed is refused, and closing again is harmless", () => {
  const learner = Learner.create(NETWORK);
  learner.close();
  learner.close();
  refuses(() => learner.moveTarget(0.9), "BadHandle", /expected a learner, found none/);
});

coreTest("an object of another kind is refused", () => {
  using dataset = demo();
  using learner = Learner.create(NETWORK);
  refuses(() => new Learner(dataset.handle).moveTarget(0.9), "BadHandle", /found a dataset/);
  refuses(() => learner.forwardBackward(dataset), "InvalidArgument", /expected one with 2 views/);
  // Given twice, in places that want two kinds: refused, and not waited for.
  refuses(
    () => learner.forwardBackward(new Dataset(learner.handle)),
    "BadHandle",
    /found a learner/,
  );
});

coreTest("unknown fields, wrong values and NaN are refused by name", () => {
  const create = (options: unknown): unknown => Learner.create(options as LearnerOptions);
  refuses(() => create({ ...NETWORK, colour: 1 }), "InvalidArgument", /unknown field `colour`/);
  refuses(() => create({ ...NETWORK, zDim: 0 }), "InvalidArgument", /zDim=0/);
  refuses(() => create({ ...NETWORK, zDim: NaN }), "InvalidArgument", /NaN/);
  refuses(() => create({ ...NETWORK, resnetType: "resnet19" }), "InvalidArgument", /resnet19/);
  using learner = Learner.create(NETWORK);
  refuses(() => learner.moveTarget(NaN), "InvalidArgument", /tau=NaN/);
});

coreTest("views of another type than the network's are refused", () => {
  using dataset = demo({ dtype: "float64" });
  using learner = Learner.create(NETWORK);
  dataset.makeViews(0, 0);
  refuses(() => learner.forwardBackward(dataset), "InvalidArgument", /views of Double/);
});

coreTest("a panic becomes an error and the process lives on", () => {
  refuses(() => call("byol_core_panic"), "Panic", /asked to/);
  equal(liveHandles(), 0);
});

coreTest("broken JSON at the boundary is refused", () => {
  const text = json({}).slice();
  text[0] = 0x5b;
  refuses(
    () => callU32("byol_learner_create", text),
    "InvalidArgument",
    /options given to the core/,
  );
});

coreTest(
  "one seed gives the same weights, also with another number of workers; another seed others",
  () => {
    const after = (seed: number, workers: number): string => {
      using dataset = demo({ workers });
      using learner = Learner.create({ ...NETWORK, seed });
      for (let index = 0; index < 3; index++) step(learner, dataset, index);
      return digest(learner);
    };
    const first = after(1, 1);
    equal(after(1, 1), first);
    equal(after(1, 3), first);
    notEqual(after(2, 1), first);
  },
);

coreTest("a run saved and loaded continues to the same weights", () => {
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  using dataset = demo();
  using unbroken = Learner.create(NETWORK);
  for (let index = 0; index < 2; index++) step(unbroken, dataset, index);
  unbroken.save(path, { step: 2 });
  step(unbroken, dataset, 2);
  using resumed = Learner.create({ ...NETWORK, seed: 99 });
  resumed.load(path);
  step(resumed, dataset, 2);
  equal(digest(resumed), digest(unbroken));
  deepEqual(describeCheckpoint(path).metadata, { step: 2 });
  Deno.removeSync(path);
});

coreTest("a checkpoint of another network, a damaged and a missing one are refused by name", () => {
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  using learner = Learner.create(NETWORK);
  learner.save(path, {});
  using wide = Learner.create({ ...NETWORK, hiddenDim: 32 });
  refuses(
    () => wide.load(path),
    "InvalidArgument",
    /projector\.0\.weight has shape \[16, 64\], expected \[32, 64\]/,
  );
  using deep = Learner.create({ ...NETWORK, resnetType: "resnet18" });
  refuses(() => deep.load(path), "InvalidArgument", /shape|missing/);
  Deno.truncateSync(path, 1000);
  refuses(() => learner.load(path), "InvalidArgument", /damaged/);
  Deno.removeSync(path);
  refuses(() => learner.load(path), "Io", /No such file/);
});

coreTest("evaluation changes nothing of the encoder and counts every image", () => {
  using train = demo();
  using test = demo({ train: false, count: 40 });
  using learner = Learner.create(NETWORK);
  for (const dataset of [train, test]) dataset.setProbe(16, PROBE_TRANSFORMS.demo);
  const before = digest(learner);
  using bank = FeatureBank.create();
  train.makeCenterCrops(0, 64);
  bank.append(learner, train);
  // The images themselves, as their own nearest neighbours.
  deepEqual(bank.classify(learner, train, { k: 1, temperature: 0.1 }), { tested: 64, right: 64 });
  using probe = Probe.create({
    features: learner.features(),
    classes: 10,
    dtype: "float32",
    seed: 0,
    momentum: 0.9,
    weightDecay: 0,
  });
  for (let index = 0; index < 4; index++) {
    train.makeProbeBatch(0, index);
    probe.train(learner, train, 0.2);
  }
  test.makeCenterCrops(0, 40);
  probe.test(learner, test);
  const { top1, top5 } = accuracyOf(probe.counts());
  equal(Number.isInteger(top1 * 40 / 100) && top1 <= top5 && top5 <= 100, true);
  equal(digest(learner), before);
  refuses(() => test.makeCenterCrops(30, 11), "InvalidArgument", /the dataset has 40/);
});
