/** Tests of a run's recipe: presets, moving augmentations, fewer images; and of the sheet that shows the views. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { runFolderAt } from "../../src/run/folder.ts";
import { readRunRecord, type RunRecord } from "../../src/run/record.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { writePhotoFolder } from "../support/photo_files.ts";

const TINY = [
  ...["--resnet_type=resnet20", "--hidden_dim=16", "--z_dim=8", "--batch_size=8", "--threads=1"],
  ...["--limit_train=32", "--nb_workers=1", "--log_every=1"],
];

/** Four steps an epoch; everything that may move moves, in the second epoch of three. */
const SPAN = { startEpoch: 1, endEpoch: 2 };
const SCHEDULE = {
  view1: {
    cropSize: { from: 16, to: 32, curve: "linear", ...SPAN },
    cropScale: [{ from: 0.5, to: 0.2, curve: "cosine", ...SPAN }, 1],
    brightness: { from: 0.1, to: 0.4, curve: "cosine", ...SPAN },
    blurProbability: { from: 0, to: 1, curve: "linear", ...SPAN },
  },
  view2: { cropSize: { from: 16, to: 32, curve: "linear", ...SPAN } },
};

function record(run: string): RunRecord {
  return readRunRecord(runFolderAt(run))!;
}

Deno.test("a run with moving augmentations, cut and resumed, equals the unbroken one", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "schedule.json");
  await Deno.writeTextFile(file, JSON.stringify(SCHEDULE));
  const train = (run: string, steps: number) =>
    byol(
      ...["train", ...TINY, "--nb_epochs=3", `--aug_schedule=${file}`, `--max_steps=${steps}`],
      ...[`--run_dir=${join(folder, run)}`, "--trace_steps=12"],
    );
  const sha256 = (run: string): string =>
    describeCheckpoint(join(folder, run, "checkpoints", "step-000000010.safetensors")).sha256;
  const sideAt = (run: string, step: number): number | undefined => {
    const name = `trace-${String(step).padStart(6, "0")}.safetensors`;
    return describeCheckpoint(join(folder, run, "traces", name)).shapes["view2"]?.[3];
  };
  for (const [run, steps] of [["whole", 10], ["cut", 6], ["cut", 10]] as const) {
    const { code, stderr } = await train(run, steps);
    equal(code, 0, stderr);
  }
  equal(sha256("cut"), sha256("whole"));
  // Up to step 4 the first value, from step 8 on the last; the resumed run begins within the span.
  deepEqual([0, 4, 6, 7, 8, 9].map((step) => sideAt("whole", step)), [16, 16, 24, 28, 32, 32]);
  deepEqual([6, 7, 8, 9].map((step) => sideAt("cut", step)), [24, 28, 32, 32]);
  deepEqual(record(join(folder, "cut")).augmentation, record(join(folder, "whole")).augmentation);
  equal(record(join(folder, "whole")).augmentation.view1.moving.length, 4);

  await Deno.writeTextFile(file, JSON.stringify({ ...SCHEDULE, view2: SCHEDULE.view1 }));
  const changed = await train("cut", 12);
  equal(changed.code, 4, changed.stderr);
  match(changed.stderr, /augmentations differ from those/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("config.json says of each value whether a preset, the data set or the user set it", async () => {
  const folder = await Deno.makeTempDir();
  const run = join(folder, "run");
  const preset = ["--preset=cifar10_tuned", "--dataset_name=demo"];
  const { code, stderr } = await byol(
    ...["train", ...preset, ...TINY, "--max_steps=1", `--run_dir=${run}`],
  );
  equal(code, 0, stderr);
  const { config, origins, augmentation } = record(run);
  deepEqual(
    [config.tauBase, config.epochs, config.datasetName, config.batchSize, config.limitTrain],
    [0.99, 800, "demo", 8, 32],
  );
  deepEqual(
    [origins.tauBase, origins.datasetName, origins.batchSize, origins.seed, origins.expeName],
    ["preset cifar10_tuned", "command line", "command line", "default", "default"],
  );
  deepEqual(Object.keys(origins).sort(), Object.keys(config).sort());
  deepEqual(augmentation.view1.constant.cropScale, [0.08, 1]);
  equal(augmentation.view1.constant.blurProbability, 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("more training images than there are is refused", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await byol("train", "--limit_train=5001", `--run_dir=${folder}`);
  equal(code, 3, stderr);
  match(stderr, /first 5001 images.* has 5000/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("views draws a PNG of the size that sixteen images with their views take", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "views.png");
  const drawn = await byol("views", `--out=${path}`, "--seed=3");
  equal(drawn.code, 0, drawn.stderr);
  const bytes = await Deno.readFile(path);
  deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer);
  // IHDR: width, height, 8 bits, RGB. Four images of three 96-pixel pictures, 2 between and 10 around, four rows.
  deepEqual([view.getUint32(16), view.getUint32(20)], [4 * 302 + 10, 4 * 106 + 10]);
  deepEqual([bytes[24], bytes[25]], [8, 2]);
  const again = join(folder, "again.png");
  equal((await byol("views", "--out", again, "--seed", "3")).code, 0);
  deepEqual(await Deno.readFile(again), bytes);
  const other = join(folder, "other.png");
  equal(
    (await byol(
      "views",
      `--out=${other}`,
      "--seed=3",
      "--preset=cifar10_tuned",
      "--dataset_name=demo",
    )).code,
    0,
  );
  equal(Deno.readFileSync(other).every((byte, index) => byte === bytes[index]), false);

  const cases: [string[], number, RegExp][] = [
    [["views"], 2, /expected --out=PATH/],
    [["views", `--out=${path}`, "--step=-1"], 2, /--step=-1/],
    [["views", `--out=${path}`, "--batchsize=3"], 2, /--batch_size/],
    [["views", `--out=${join(folder, "none", "views.png")}`], 8, /none.views\.png/],
  ];
  for (const [args, code, message] of cases) {
    const { code: found, stderr } = await byol(...args);
    equal(found, code, `${args.join(" ")}: ${stderr}`);
    match(stderr, message);
  }
  match((await byol("views", "--help")).stdout, /--out=PATH/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("small photos train the stem for small images, resnet20 too, and eval and export know it", () =>
  inFolder(async (folder) => {
    const photos = join(folder, "photos");
    await writePhotoFolder(photos, 6);
    const data = ["--dataset_name=folder", `--data_dir=${photos}`, "--threads=1"];
    const short = ["--max_steps=1", "--clsf_every=0", "--batch_size=4", "--nb_workers=1"];
    const sizes = ["--image_size=32", "--hidden_dim=16", "--z_dim=8"];
    for (const network of ["resnet18", "resnet20"]) {
      const run = join(folder, network);
      const trained = await byol(
        ...["train", ...data, ...short, ...sizes, `--resnet_type=${network}`, `--run_dir=${run}`],
      );
      equal(trained.code, 0, trained.stderr);
      equal(record(run).config.stem, "cifar");
      const encoder = join(run, "encoder.safetensors");
      const { shapes, encoder: found } = describeCheckpoint(encoder);
      deepEqual([found?.resnetType, found?.stem], [network, "cifar"]);
      deepEqual(shapes["conv1.weight"]?.slice(1), [3, 3, 3]);
      const evaluated = await byol(
        ...["eval", `--checkpoint=${run}`, ...data, "--protocol=knn", "--format=json"],
      );
      equal(evaluated.code, 0, evaluated.stderr);
      equal(JSON.parse(evaluated.stdout).tested, 8);
      const exported = await byol(
        ...["export", `--checkpoint=${encoder}`, "--to=safetensors", `--out=${join(run, "out")}`],
      );
      equal(exported.code, 0, exported.stderr);
      // Resumed, the run keeps its stem, and refuses another one.
      const other = await byol(
        ...["train", ...data, ...short, ...sizes, `--resnet_type=${network}`, `--run_dir=${run}`],
        ...["--max_steps=2", "--stem=imagenet"],
      );
      equal(other.code, network === "resnet20" ? 2 : 4, other.stderr);
      match(other.stderr, /--stem=imagenet|stem/);
    }
  }));
