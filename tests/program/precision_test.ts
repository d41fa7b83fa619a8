import { deepEqual, equal, match, notEqual, ok, throws } from "node:assert/strict";
import type { Dataset } from "../../src/native/dataset.ts";
import { Learner } from "../../src/native/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { coreInfo, driverGpus, liveHandles } from "../../src/native/core.ts";
import { doubles, type Numbers, readSafetensors } from "../support/safetensors.ts";
import { start } from "../support/ranks_run.ts";
import { demoImages, NETWORK, VIEWS } from "../support/small_network.ts";

type Precision = "normal" | "bf16" | "fp16";

function demo(): Dataset {
  const dataset = demoImages();
  dataset.setRecipes(16, VIEWS);
  return dataset;
}

function step(learner: Learner, dataset: Dataset, index: number): void {
  dataset.makeViews(7, index);
  learner.forwardBackward(dataset);
  learner.applyUpdate({ learningRate: 0.1, momentum: 0.9, weightDecay: 1e-6, eta: 0.01 });
  learner.moveTarget(0.9);
}

/** A file of its own for the body, gone after it. */
function withFile<Result>(body: (path: string) => Result): Result {
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  try {
    return body(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** The tensors of a step's trace. */
function traced(learner: Learner, dataset: Dataset, index: number): Map<string, Numbers> {
  using trace = learner.beginTrace();
  step(learner, dataset, index);
  return withFile((path) => {
    trace.write(dataset, path, {});
    return readSafetensors(path);
  });
}

/** The gradients and the loss of the first weights on the views of step 2. */
function firstStep(precision: Precision): { gradients: Map<string, Float64Array>; loss: number } {
  using dataset = demo();
  using learner = Learner.create({ ...NETWORK, precision });
  if (precision === "fp16") {
    // The first scale is too large for these gradients, and so is the second: these steps change no weight.
    for (const index of [0, 1]) step(learner, dataset, index);
    deepEqual(learner.readScaler(), { skippedSteps: 2, lossScale: 16384 });
  }
  const tensors = traced(learner, dataset, 2);
  const { loss } = learner.readMetrics();
  const gradients = [...tensors].filter(([name]) => name.startsWith("grad."));
  return { loss, gradients: new Map(gradients.map(([name, values]) => [name, doubles(values)])) };
}

/** The cosine between two sets of gradients, each taken as one vector. */
function cosine(one: Map<string, Float64Array>, other: Map<string, Float64Array>): number {
  let [product, left, right] = [0, 0, 0];
  for (const [name, values] of one) {
    const others = other.get(name)!;
    values.forEach((value, index) => {
      product += value * others[index]!;
      left += value ** 2;
      right += others[index]! ** 2;
    });
  }
  return product / Math.sqrt(left * right);
}

Deno.test("an update repeated after one pass in fp16 unscales the gradients once", () => {
  {
    using dataset = demo();
    using learner = Learner.create({ ...NETWORK, precision: "fp16" });
    for (const index of [0, 1, 2]) step(learner, dataset, index);
    dataset.makeViews(7, 3);
    learner.forwardBackward(dataset);
    const update = (): number => {
      learner.applyUpdate({ learningRate: 0, momentum: 0, weightDecay: 0, eta: 0.01 });
      return learner.readMetrics().gradientNorm;
    };
    const [first, scale] = [update(), learner.readScaler()];
    ok(first > 0, `the norm is ${first}`);
    equal(update(), first);
    deepEqual(learner.readScaler(), scale);
    // Gradients of the next micro-batch would be added to others of another size.
    throws(
      () => learner.forwardBackward(dataset, { microBatch: 1, microBatches: 2 }),
      /Cannot add micro-batch 1 to the gradients of a step whose update was made/,
    );
    learner.forwardBackward(dataset);
    const again = update();
    ok(Math.abs(again / first - 1) < 0.01, `${again} after ${first}`);
  }
  equal(liveHandles(), 0);
});

for (const precision of ["bf16", "fp16"] as const) {
  Deno.test(`a step in ${precision} is one of float32 but for the rounding`, () => {
    const [exact, mixed] = [firstStep("normal"), firstStep(precision)];
    const [loss, similarity] = [
      Math.abs(mixed.loss - exact.loss),
      cosine(mixed.gradients, exact.gradients),
    ];
    notEqual(mixed.loss, exact.loss);
    ok(loss < 0.05, `the losses differ by ${loss}`);
    ok(similarity > 0.9, `the gradients' cosine is ${similarity}`);
    equal(liveHandles(), 0);
  });

  Deno.test(`a run in ${precision} that is resumed equals an unbroken one, bit for bit`, () => {
    using dataset = demo();
    using unbroken = Learner.create({ ...NETWORK, precision });
    using resumed = Learner.create({ ...NETWORK, precision, seed: 2 });
    for (const index of [0, 1]) step(unbroken, dataset, index);
    withFile((path) => {
      unbroken.save(path, {});
      resumed.load(path);
    });
    for (const index of [2, 3]) {
      step(unbroken, dataset, index);
      step(resumed, dataset, index);
    }
    const digest = (learner: Learner): string =>
      withFile((path) => {
        learner.save(path, {});
        return describeCheckpoint(path).sha256;
      });
    equal(digest(resumed), digest(unbroken));
    deepEqual(resumed.readScaler(), unbroken.readScaler());
  });
}

Deno.test("the encoder of a checkpoint with a scaler and an online probe is taken alone", () => {
  using trained = Learner.create({ ...NETWORK, precision: "fp16" });
  trained.addProbe(10);
  const encoder = (learner: Learner): string =>
    withFile((path) => {
      learner.saveEncoder(path, {});
      return describeCheckpoint(path).sha256;
    });
  withFile((path) => {
    trained.save(path, {});
    const names = Object.keys(describeCheckpoint(path).shapes);
    for (const prefix of ["scaler.", "online_probe."]) {
      ok(names.some((name) => name.startsWith(prefix)), prefix);
    }
    for (const take of ["loadEncoder", "initEncoder"] as const) {
      using learner = Learner.create({ ...NETWORK, seed: 2 });
      notEqual(encoder(learner), encoder(trained));
      learner[take](path);
      equal(encoder(learner), encoder(trained), take);
    }
  });
});

Deno.test("a step that overflows float16 changes no weight, no momentum and no target", () => {
  using dataset = demo();
  using learner = Learner.create({ ...NETWORK, precision: "fp16" });
  const tensors = traced(learner, dataset, 0);
  const { gradientNorm } = learner.readMetrics();
  equal(gradientNorm, 0);
  deepEqual(learner.readScaler(), { skippedSteps: 1, lossScale: 32768 });
  let [overflows, kept] = [0, 0];
  for (const [name, values] of tensors) {
    if (name.startsWith("grad.") && !doubles(values).every(Number.isFinite)) overflows++;
    if (!name.includes(".before.") || /running|batches/.test(name)) continue;
    if (name.startsWith("scaler.")) continue;
    deepEqual(tensors.get(name.replace(".before.", ".after.")), values, name);
    kept++;
  }
  ok(overflows > 0, "no gradient overflowed");
  ok(kept > 100, `${kept} tensors were compared`);
  // The statistics are those of the forward pass, which did not overflow.
  notEqual(
    String(tensors.get("online.after.encoder.bn1.running_mean")),
    String(tensors.get("online.before.encoder.bn1.running_mean")),
  );
});

Deno.test("mixed precision on the processor: by the program, with the permissions it has, or refused", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-precision-test-" });
  try {
    const { code, stderr } = await start([
      ...["--precision=mixed", "--max_steps=2", "--batch_size=16", "--limit_train=64"],
      ...["--clsf_every=0", "--threads=1", `--run_dir=${folder}/run`],
    ]).ended;
    equal(code, coreInfo().bf16 ? 0 : 2, stderr);
    if (code !== 0) match(stderr, /neither avx512_bf16 nor amx_bf16/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without a driver the program says so, and with one it names its GPUs", async () => {
  const found = driverGpus();
  if (!("problem" in found)) {
    for (const { architecture } of found.gpus) match(architecture, /^sm_\d+$/);
    return;
  }
  match(found.problem, /^(no NVIDIA driver: libcuda\.so\.1|the NVIDIA driver sees no GPU)/);
  const { code, stderr } = await start(["--hardware=mono-gpu", "--max_steps=1"]).ended;
  equal(code, 6, stderr);
  match(stderr, /Cannot use --hardware=mono-gpu: no NVIDIA GPU is visible here/);
});
