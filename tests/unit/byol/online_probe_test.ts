/** The online probe: it learns, it survives a resume, and it leaves the encoder as it is. */

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { byolViews } from "../../../src/recipes/views.ts";
import { checkpointPath } from "../../../src/run/checkpoint.ts";
import { readMetrics } from "../../../src/run/metrics_file.ts";
import type { TrainRow } from "../../../src/byol/train_row.ts";
import { Learner } from "../../../src/native/learner.ts";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { setThreads } from "../../../src/native/core.ts";
import { byol } from "../../support/byol.ts";
import { writePhotoFolder } from "../../support/photo_files.ts";
import { demoImages, NETWORK } from "../../support/small_network.ts";

const RATES = { learningRate: 0.5, momentum: 0.9 };
const TINY = [
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--limit_train=160", "--threads=1"],
  ...["--log_every=1", "--clsf_every=0", "--nb_epochs=2"],
];

function trainRows(run: string): TrainRow[] {
  return readMetrics(join(run, "metrics.jsonl")).filter((row): row is TrainRow =>
    row.kind === "train"
  );
}

Deno.test("the online probe learns from a fixed encoder", () => {
  setThreads(1);
  using dataset = demoImages({ count: 1000 });
  dataset.setRecipes(64, byolViews({ cropSize: 16, cropScale: [0.2, 1], blurKernel: 3 }));
  using learner = Learner.create(NETWORK);
  throws(() => learner.addProbe(1), /for 1 classes: expected 2 to/);
  throws(() => learner.trainProbe(RATES), /expected a learner that was given one/);
  learner.addProbe(10);
  throws(() => learner.trainProbe(RATES), /expected a forward and backward pass before/);
  throws(() => learner.readProbeMetrics(), /expected a step before/);
  let right = 0;
  for (let step = 0; step < 120; step++) {
    dataset.makeViews(7, step);
    learner.forwardBackward(dataset);
    learner.trainProbe(RATES);
    if (step >= 100) right += learner.readProbeMetrics().accuracy / 20;
  }
  // Chance is 0.1, and one of 1280 images is 0.0008.
  ok(right > 0.14, `${right} right in the last 20 steps, expected more than 0.14`);
});

Deno.test("the encoder is the same with and without the online probe", async () => {
  const folder = await Deno.makeTempDir();
  const [on, off] = ["on", "off"].map((name) => join(folder, name)) as [string, string];
  for (const [run, flag] of [[on, "true"], [off, "false"]]) {
    const { code, stderr } = await byol(
      ...["train", ...TINY, `--online_probe=${flag}`, `--run_dir=${run}`],
    );
    equal(code, 0, stderr);
  }
  const sha256 = (run: string): string =>
    describeCheckpoint(join(run, "encoder.safetensors")).sha256;
  equal(sha256(on), sha256(off));
  const [rows, without] = [trainRows(on), trainRows(off)];
  deepEqual(
    rows.map(({ loss, gradient_norm }) => [loss, gradient_norm]),
    without.map(({ loss, gradient_norm }) => [loss, gradient_norm]),
  );
  equal(without.some((row) => "probe_loss" in row || "probe_top1" in row), false);
  // Zeros answer each of ten classes alike.
  ok(Math.abs(rows[0]!.probe_loss! - Math.log(10)) < 1e-5, String(rows[0]!.probe_loss));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the online probe is resumed bit for bit, also in micro-batches", async () => {
  const folder = await Deno.makeTempDir();
  const run = (name: string): string => join(folder, name);
  const train = async (name: string, steps: number, ...more: string[]): Promise<string> => {
    const { code, stderr } = await byol(
      ...["train", ...TINY, `--max_steps=${steps}`, `--run_dir=${run(name)}`, ...more],
    );
    equal(code, 0, stderr);
    return stderr;
  };
  const describe = (name: string, step: number): ReturnType<typeof describeCheckpoint> =>
    describeCheckpoint(checkpointPath(join(run(name), "checkpoints"), step));
  for (const more of [[], ["--accumulate_steps=2"]]) {
    const [whole, cut] = [`whole${more.length}`, `cut${more.length}`];
    await train(whole, 4, ...more);
    await train(cut, 2, ...more);
    await train(cut, 4, ...more);
    const { shapes, sha256 } = describe(whole, 4);
    deepEqual(shapes["online_probe.weight"], [10, 64]);
    deepEqual(shapes["online_probe.momentum.bias"], [10]);
    equal(describe(cut, 4).sha256, sha256);
    const probe = (name: string): unknown[] =>
      trainRows(run(name)).map(({ probe_loss, probe_top1 }) => [probe_loss, probe_top1]);
    deepEqual(probe(cut), probe(whole));
  }

  // A run resumes from a checkpoint without one, and from one whose probe nobody wants.
  await train("late", 2, "--online_probe=false");
  equal("online_probe.weight" in describe("late", 2).shapes, false);
  match(
    await train("late", 3),
    /step-000000002\.safetensors holds no online probe: .* from step 2/,
  );
  const rows = trainRows(run("late"));
  ok(Math.abs(rows[2]!.probe_loss! - Math.log(10)) < 1e-5, String(rows[2]!.probe_loss));
  equal(/no online probe/.test(await train("late", 4)), false);
  equal(/no online probe/.test(await train("late", 5, "--online_probe=false")), false);
  equal("probe_loss" in trainRows(run("late"))[4]!, false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("images without labels have no online probe, and that is said", async () => {
  const folder = await Deno.makeTempDir();
  await writePhotoFolder(join(folder, "photos"), 4);
  const flat = join(folder, "flat");
  await Deno.mkdir(flat);
  const classFolder = join(folder, "photos", "train", "n01");
  for (const { name } of Deno.readDirSync(classFolder)) {
    Deno.copyFileSync(join(classFolder, name), join(flat, name));
  }
  const train = (...more: string[]): ReturnType<typeof byol> =>
    byol(
      ...["train", "--dataset_name=folder", `--data_dir=${flat}`, "--resnet_type=resnet18"],
      ...["--image_size=32", "--hidden_dim=16", "--z_dim=8", "--batch_size=2", "--threads=1"],
      ...["--nb_epochs=1", "--nb_epochs_warmup=0", "--max_steps=1", "--clsf_every=0"],
      ...[`--run_dir=${join(folder, "run")}`, "--log_every=1", ...more],
    );
  const { code, stderr } = await train();
  equal(code, 0, stderr);
  equal(stderr.match(/Cannot train an online probe on images without labels/g)?.length, 1, stderr);
  equal("probe_loss" in trainRows(join(folder, "run"))[0]!, false);
  const unasked = await train("--online_probe=false");
  equal(/online probe/.test(unasked.stderr), false, unasked.stderr);
  await Deno.remove(folder, { recursive: true });
});
