import { deepEqual, equal, match, notEqual, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import {
  byolViews,
  NORMALISATION,
  type ViewPair,
  viewsAtSize,
} from "../../../src/recipes/views.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { Dataset } from "../../../src/native/dataset.ts";
import { Learner } from "../../../src/native/learner.ts";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { liveHandles } from "../../../src/native/core.ts";
import { NativeError } from "../../../src/native/native_error.ts";
import { DataJob } from "../../../src/native/data_job.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { byol } from "../../support/byol.ts";
import { png, writePhotoFolder } from "../../support/photo_files.ts";
import { realData } from "../../support/real_data.ts";
import { skip } from "../../support/skip.ts";

const VIEWS = byolViews({ cropSize: 16, cropScale: [0.2, 1], blurKernel: 3 });
const BATCH = 8;

/** A test with a folder of its own that leaves no object of the core behind. */
function photoTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await body(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    equal(liveHandles(), 0, "objects of the core are still alive");
  });
}

interface Opening {
  workers?: number;
  ahead?: number;
  mostBad?: number;
}

/** Opens a folder, or the manifest of packed shards. */
async function open(path: string, opening: Opening = {}): Promise<Dataset> {
  const { workers = 1, ahead = 0, mostBad = 0 } = opening;
  using job = path.endsWith(".json")
    ? await DataJob.run({ kind: "open", manifest: path })
    : await DataJob.run({ kind: "list", directory: path, cache: null });
  const dataset = Dataset.open({
    source: { kind: "photos", job: job.handle, mostBad, ahead },
    dtype: "float32",
    workers,
    normalisation: NORMALISATION.folder,
  });
  dataset.setRecipes(BATCH, VIEWS);
  return dataset;
}

interface Packed {
  count: number;
  bad: number;
  parts: number;
  kept: number;
  digest: string;
}

async function pack(
  directory: string,
  out: string,
  { reencoding = null, mostBad = 0 }: {
    reencoding?: { maxSide: number; quality: number } | null;
    mostBad?: number;
  } = {},
): Promise<Packed> {
  using job = await DataJob.run({
    kind: "pack",
    directory,
    cache: null,
    out,
    name: "train",
    imagesPerShard: 7,
    reencoding,
    workers: 2,
    mostBad,
  });
  return job.result<Packed>();
}

/** Returns the weights of a small network after three steps on a dataset's views: other views, other weights. */
function trained(dataset: Dataset, steps: readonly number[], views: ViewPair = VIEWS): string {
  using learner = Learner.create({
    resnetType: "resnet20",
    stem: "cifar",
    hiddenDim: 16,
    zDim: 8,
    bnViews: "joint",
    larsVariant: "reference",
    dtype: "float32",
    seed: 1,
  });
  dataset.setRecipes(BATCH, views);
  for (const step of steps) {
    dataset.makeViews(7, step);
    learner.forwardBackward(dataset);
    learner.applyUpdate({ learningRate: 0.1, momentum: 0.9, weightDecay: 1e-6, eta: 0.01 });
  }
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  try {
    learner.save(path, {});
    return describeCheckpoint(path).sha256;
  } finally {
    Deno.removeSync(path);
  }
}

/** Three steps of folders with 12 images a class: all of one epoch. */
const STEPS = [0, 1, 2];

photoTest("each image is decoded once for both views, in every epoch", async (folder) => {
  await writePhotoFolder(folder, 12);
  using dataset = await open(join(folder, "train"), { workers: 3 });
  const { count, classes, classNames, layout } = dataset.describe();
  deepEqual({ count, classes, classNames, layout }, {
    count: 24,
    classes: 2,
    classNames: ["n01", "n02"],
    layout: "folder",
  });
  for (const step of STEPS) dataset.makeViews(7, step);
  deepEqual(dataset.photoCounts(), { decoded: 3 * BATCH, bad: 0, fewGrays: 0 });
});

photoTest("threads, and batches made ahead, change no view", async (folder) => {
  await writePhotoFolder(folder, 12);
  const train = join(folder, "train");
  const digest = async (
    opening: Opening,
    announced: [number, ViewPair][] = [],
  ): Promise<string> => {
    using dataset = await open(train, opening);
    for (const [step, views] of announced) {
      dataset.prefetchViews({ seed: 7, step }, { batchSize: BATCH, ...views });
    }
    return trained(dataset, STEPS);
  };
  const alone = await digest({});
  equal(await digest({ workers: 3 }), alone);
  const right: [number, ViewPair][] = STEPS.map((step) => [step, VIEWS]);
  equal(await digest({ workers: 3, ahead: 2 }, right), alone);
  // What was announced and is not asked for is dropped.
  const other = viewsAtSize(VIEWS, 24);
  equal(await digest({ workers: 2, ahead: 2 }, [[0, other], [5, VIEWS]]), alone);
  using dataset = await open(train);
  notEqual(trained(dataset, STEPS, other), alone);
});

photoTest("batches made ahead are bounded, and taken rather than made again", async (folder) => {
  await writePhotoFolder(folder, 12);
  using dataset = await open(join(folder, "train"), { workers: 2, ahead: 2 });
  const announce = (step: number): boolean =>
    dataset.prefetchViews({ seed: 7, step }, { batchSize: BATCH, ...VIEWS });
  deepEqual(STEPS.map(announce), [true, true, false]);
  equal(announce(1), true, "what is announced already is no second batch");
  for (const step of STEPS.slice(0, 2)) dataset.makeViews(7, step);
  equal(dataset.photoCounts().decoded, 2 * BATCH);
});

photoTest("packed shards give the folder's views, and are a tar that tar reads", async (folder) => {
  await writePhotoFolder(folder, 12);
  const [train, out] = [join(folder, "train"), join(folder, "packed")];
  using loose = await open(train);
  const packed = await pack(train, out);
  deepEqual([packed.count, packed.parts, packed.kept, packed.bad], [24, 4, 0, 0]);
  using shards = await open(join(out, "train.json"), { workers: 2 });
  const { found: { place, ...found }, ...description } = shards.describe();
  equal(place, join(out, "train.json"));
  deepEqual(
    { ...description, layout: "folder", found: { ...found, place: train } },
    loose.describe(),
  );
  equal(trained(shards, STEPS), trained(loose, STEPS));

  const { stdout } = await new Deno.Command("tar", {
    args: ["--list", "--file", join(out, "train-000003.tar")],
  }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\n");
  equal(names.length, 6);
  match(names.join(" "), /^\d{8}\.png \d{8}\.cls /);
  const manifest = JSON.parse(await Deno.readTextFile(join(out, "train.json")));
  equal(manifest.__kind__, "wids-shard-index-v1");
  equal(manifest.shardlist[3].nsamples, 3);
});

photoTest("an interrupted packing resumes, and ends with the same bytes", async (folder) => {
  await writePhotoFolder(folder, 12);
  const [train, out] = [join(folder, "train"), join(folder, "packed")];
  await pack(train, out);
  const sums = (): string[] =>
    JSON.parse(Deno.readTextFileSync(join(out, "train.json"))).shardlist
      .map(({ sha256 }: { sha256: string }) => sha256);
  const whole = sums();
  // As a kill leaves it: one shard without its index, one half-written, no manifest.
  await Deno.remove(join(out, "train-000001.idx"));
  await Deno.remove(join(out, "train-000002.idx"));
  await Deno.truncate(join(out, "train-000002.tar"), 1000);
  await Deno.remove(join(out, "train.json"));
  equal((await pack(train, out)).kept, 2);
  deepEqual(sums(), whole);
  equal((await pack(train, out)).kept, 4);
  // Other options are another packing.
  const smaller = await pack(train, out, { reencoding: { maxSide: 24, quality: 90 } });
  equal(smaller.kept, 0);
  using dataset = await open(join(out, "train.json"));
  dataset.makeViews(7, 0);
  equal(dataset.photoCounts().bad, 0);
  equal(dataset.describe().digest, smaller.digest);
  notEqual(smaller.digest, sums()[0]);
});

photoTest(
  "packing refuses too many bad files however often it starts, and names it cannot keep",
  async (folder) => {
    await writePhotoFolder(folder, 12);
    const [train, out] = [join(folder, "train"), join(folder, "packed")];
    const damage = (name: string) => Deno.writeTextFile(join(train, "n01", name), "no image");
    for (const name of ["n01_0.JPEG", "n01_1.JPEG"]) await damage(name);
    equal((await pack(train, out, { mostBad: 0.1 })).bad, 2);
    // The shards are finished; their bad files count.
    await rejects(
      pack(train, out),
      /[12] of 24 images cannot be used, expected .*--max_bad_fraction=0/,
    );
    await Deno.rename(join(train, "n02", "n02_3.JPEG"), join(train, "n02", "n02\n3.JPEG"));
    await rejects(
      pack(train, join(folder, "other")),
      /Cannot pack "n02\/n02\\n3\.JPEG": expected names/,
    );
  },
);

photoTest("a damaged, a short and a missing shard are named", async (folder) => {
  await writePhotoFolder(folder, 12);
  const [train, out] = [join(folder, "train"), join(folder, "packed")];
  await pack(train, out);
  const manifest = join(out, "train.json");
  const shard = join(out, "train-000000.tar");
  const bytes = await Deno.readFile(shard);
  bytes[700]! ^= 0xff;
  await Deno.writeFile(shard, bytes);

  {
    using job = await DataJob.run({ kind: "verify", manifest });
    const { damaged } = job.result<{ damaged: string[] }>();
    equal(damaged.length, 1);
    match(damaged[0]!, /train-000000\.tar: its checksum is another/);
  }
  {
    // Skipped and listed where that many may be bad, else the end.
    using tolerant = await open(manifest, { mostBad: 0.1 });
    for (const step of STEPS) tolerant.makeViews(7, step);
    equal(tolerant.photoCounts().bad, 1);
    match(
      tolerant.badFiles()[0]![1],
      /n0\d_\d+\.JPEG in .*train-000000\.tar: its bytes .* damaged/,
    );
    using strict = await open(manifest);
    throws(() => STEPS.forEach((step) => strict.makeViews(7, step)), (error: UserError) => {
      equal(error.exitCode, ExitCode.data);
      match(error.message, /1 of 24 images cannot be used, expected .* --max_bad_fraction=0/);
      return true;
    });
  }
  await Deno.truncate(shard, 5000);
  await rejects(open(manifest), /train-000000\.tar: it has 5000 bytes and not \d+/);
  await Deno.remove(shard);
  await rejects(open(manifest), /train-000000\.tar: No such file .*, expected 4 parts/);
});

photoTest(
  "numbers of a manifest that no file backs are refused, and a set of no images",
  async (folder) => {
    await writePhotoFolder(folder, 12);
    const out = join(folder, "packed");
    await pack(join(folder, "train"), out);
    const manifest = join(out, "train.json");
    const text = await Deno.readTextFile(manifest);
    const refused = async (changed: string, message: RegExp): Promise<void> => {
      notEqual(changed, text);
      await Deno.writeTextFile(manifest, changed);
      await rejects(open(manifest), message);
    };
    // An allocation of that many rows ended the process.
    const huge = text.replace('"nsamples": 7', `"nsamples": ${2 ** 40}`);
    await refused(huge, /train\.json: .*its shards do not hold its 24 images/);
    await refused(
      huge.replace('"count": 24', `"count": ${24 - 7 + 2 ** 31}`).replace(
        `${2 ** 40}`,
        `${2 ** 31}`,
      ),
      /train-000000\.idx: .*too few for 2147483648 images/,
    );
    const none = text.replace(/"nsamples": \d+/g, '"nsamples": 0').replace(
      '"count": 24',
      '"count": 0',
    );
    await refused(none, /train\.json: it holds no images, expected what deno task pack writes/);
  },
);

photoTest("a shard that is cut while a training reads it costs its images", async (folder) => {
  await writePhotoFolder(folder, 12);
  const out = join(folder, "packed");
  await pack(join(folder, "train"), out);
  const manifest = join(out, "train.json");
  using tolerant = await open(manifest, { mostBad: 0.5, workers: 2 });
  using strict = await open(manifest);
  tolerant.makeViews(7, 0);
  // A page beyond the end of a mapped file ended the process (SIGBUS).
  await Deno.truncate(join(out, "train-000000.tar"), 100);
  for (const step of [...STEPS, ...STEPS]) tolerant.makeViews(7, step);
  equal(tolerant.photoCounts().bad, 7);
  match(
    tolerant.badFiles()[0]![1],
    /n0\d_\d+\.JPEG in .*train-000000\.tar: its shard is too short/,
  );
  throws(() => STEPS.forEach((step) => strict.makeViews(7, step)), (error: UserError) => {
    equal(error.exitCode, ExitCode.data);
    match(error.message, /1 of 24 images cannot be used, expected .* --max_bad_fraction=0/);
    return true;
  });
});

photoTest("a staging that fails leaves no part of a copy", async (folder) => {
  await writePhotoFolder(folder, 12);
  const [out, fast] = [join(folder, "packed"), join(folder, "fast")];
  await pack(join(folder, "train"), out);
  const stage = async (): Promise<void> => {
    using job = await DataJob.run(
      { kind: "stage", manifest: join(out, "train.json"), target: fast },
    );
    job.result();
  };
  const staged = (): string[] => {
    const [{ name }] = [...Deno.readDirSync(fast)] as [Deno.DirEntry];
    return [...Deno.readDirSync(join(fast, name))].map(({ name }) => name).sort();
  };
  const shard = join(out, "train-000001.tar");
  await Deno.rename(shard, `${shard}.away`);
  await rejects(stage(), /train-000001\.tar: No such file/);
  const first = [".lock", "train-000000.idx", "train-000000.tar"];
  deepEqual(staged(), first);
  await Deno.rename(`${shard}.away`, shard);
  const index = join(out, "train-000001.idx");
  await Deno.remove(index);
  // Read where a folder stands: the copy ends in the middle.
  await Deno.mkdir(index);
  await rejects(stage(), /train-000001\.idx: it is not a plain file/);
  deepEqual(staged(), [...first, "train-000001.tar"]);
});

photoTest("staged shards are a checked copy, made once", async (folder) => {
  await writePhotoFolder(folder, 12);
  const [out, fast] = [join(folder, "packed"), join(folder, "fast")];
  await pack(join(folder, "train"), out);
  const stage = async (): Promise<string> => {
    using job = await DataJob.run(
      { kind: "stage", manifest: join(out, "train.json"), target: fast },
    );
    return job.result<{ manifest: string }>().manifest;
  };
  const copy = await stage();
  using there = await open(join(out, "train.json"));
  using here = await open(copy);
  const { found: { place, ...found }, ...description } = here.describe();
  equal(place, copy);
  deepEqual(
    { ...description, found: { place: join(out, "train.json"), ...found } },
    there.describe(),
  );
  equal(trained(here, STEPS), trained(there, STEPS));
  const written = Deno.statSync(copy.replace("train.json", "train-000000.tar")).mtime;
  equal(await stage(), copy);
  deepEqual(Deno.statSync(copy.replace("train.json", "train-000000.tar")).mtime, written);

  await Deno.remove(fast, { recursive: true });
  const shard = join(out, "train-000001.tar");
  const bytes = await Deno.readFile(shard);
  bytes[600]! ^= 1;
  await Deno.writeFile(shard, bytes);
  await rejects(stage(), /train-000001\.tar: its checksum is not the manifest's/);
});

photoTest("files that cannot be used are skipped, counted and listed", async (folder) => {
  await writePhotoFolder(folder, 12);
  const train = join(folder, "train");
  await Deno.writeTextFile(join(train, "n01", "n01_3.JPEG"), "no image");
  // A PNG that claims 100,000 × 100,000 pixels.
  const bomb = png(4, 4, 0);
  const view = new DataView(bomb.buffer);
  view.setUint32(16, 100_000);
  view.setUint32(20, 100_000);
  const { crc32 } = await import("node:zlib");
  view.setUint32(29, crc32(bomb.subarray(12, 29)));
  await Deno.writeFile(join(train, "n02", "n02_5.JPEG"), bomb);
  using dataset = await open(train, { mostBad: 0.2, workers: 2 });
  dataset.makeViews(7, 0);
  // Vanishes in mid-epoch.
  await Deno.remove(join(train, "n02", "n02_0.JPEG"));
  for (const step of [1, 2, 3, 4, 5]) dataset.makeViews(7, step);
  const bad = dataset.badFiles();
  equal(bad.length, 3);
  const reasons = bad.map(([, reason]) => reason).join("\n");
  match(reasons, /n01_3\.JPEG: its first bytes are not those of a JPEG/);
  match(reasons, /n02_0\.JPEG: it cannot be read: No such file/);
  match(reasons, /n02_5\.JPEG: its size is 100000 × 100000/);
  // No other image stands for it in a test.
  dataset.setProbe(BATCH, {
    train: VIEWS.view1,
    test: { resize: 18, crop: 16 },
  });
  const { FeatureBank } = await import("../../../src/native/feature_bank.ts");
  using learner = Learner.create({
    resnetType: "resnet20",
    stem: "cifar",
    hiddenDim: 16,
    zDim: 8,
    bnViews: "joint",
    larsVariant: "reference",
    dtype: "float32",
    seed: 1,
  });
  using bank = FeatureBank.create();
  dataset.makeCenterCrops(0, 24);
  bank.append(learner, dataset);
  equal(bank.classify(learner, dataset, { k: 1, temperature: 0.1 }).tested, 21);
});

photoTest("an image that has become a pipe or a device is a bad file", async (folder) => {
  await writePhotoFolder(folder, 12);
  const train = join(folder, "train");
  using dataset = await open(train, { mostBad: 0.2, workers: 2 });
  const [pipe, device] = ["n01_3.JPEG", "n01_4.JPEG"].map((name) => join(train, "n01", name));
  for (const path of [pipe!, device!]) await Deno.remove(path);
  equal((await new Deno.Command("mkfifo", { args: [pipe!] }).output()).code, 0);
  await Deno.symlink("/dev/zero", device!);
  for (const step of STEPS) dataset.makeViews(7, step);
  const reasons = dataset.badFiles().map(([, reason]) => reason);
  equal(reasons.length, 2);
  for (const reason of reasons) match(reason, /it cannot be read: it is no regular file/);
});

photoTest(
  "of a share of the images, one of the share stands for one that cannot be used",
  async (folder) => {
    await writePhotoFolder(folder, 12);
    const train = join(folder, "train");
    using dataset = await open(train, { mostBad: 1 });
    dataset.setProbe(4, { train: VIEWS.view1, test: { resize: 18, crop: 16 } });
    dataset.takeSubset({ seed: 3, percent: 50, heldOut: 0, part: "learn" });
    const share = dataset.names(0, 12);
    // Whoever looked outside of the share would find these.
    for (const name of ["n01", "n02"]) {
      for await (const { name: file } of Deno.readDir(join(train, name))) {
        if (!share.includes(`${name}/${file}`)) await Deno.remove(join(train, name, file));
      }
    }
    await Deno.writeTextFile(join(train, share[11]!), "no image");
    for (const step of [0, 1, 2]) dataset.makeProbeBatch(5, step);
    equal(dataset.badFiles().length, 1);
  },
);

photoTest("an empty class and a missing folder are named", async (folder) => {
  await writePhotoFolder(folder, 2);
  await Deno.mkdir(join(folder, "train", "n03"));
  await rejects(
    open(join(folder, "train")),
    (error: NativeError) => /train\/n03: it holds no images/.test(error.message),
  );
  await rejects(open(join(folder, "none")), /none: No such file/);
});

const SMALL = [
  "--resnet_type=resnet18",
  "--hidden_dim=16",
  "--z_dim=8",
  "--batch_size=8",
  "--image_size=32",
  "--log_every=1",
  "--threads=1",
  "--nb_workers=2",
];

photoTest(
  "the program trains and evaluates on a folder, and on what it packs of it",
  async (folder) => {
    await writePhotoFolder(folder, 8);
    const data = `--data_dir=${folder}`;
    const packed = join(folder, "packed");
    const made = await byol("pack", data, `--out=${packed}`, "--images_per_shard=5");
    equal(made.code, 0, made.stderr);
    match(made.stdout, /train: 16 images in 4 shards/);
    match(made.stdout, /val: 8 images in 2 shards/);
    const train = (name: string, ...options: string[]): ReturnType<typeof byol> =>
      byol(
        "train",
        ...SMALL,
        "--dataset_name=folder",
        `--run_dir=${join(folder, name)}`,
        ...options,
      );
    const probe = ["--nb_epochs=1", "--nb_epochs_warmup=0", "--nb_epochs_clsf=1", "--clsf_every=1"];
    const loose = await train("loose", data, ...probe);
    equal(loose.code, 0, loose.stderr);
    const shards = await train("shards", `--data_dir=${packed}`, ...probe);
    equal(shards.code, 0, shards.stderr);
    const rows = (name: string): unknown[] =>
      Deno.readTextFileSync(join(folder, name, "metrics.jsonl")).trim().split("\n")
        .map((line) => JSON.parse(line)).filter(({ kind }) => kind !== "run")
        .map(({ images_per_second: _, core_seconds: _seconds, ...row }) => row);
    deepEqual(rows("shards"), rows("loose"));
    equal(rows("loose").length, 4);
    const verified = await byol("pack", `--out=${packed}`, "--verify");
    equal(verified.code, 0, verified.stderr);
    match(verified.stdout, /train\.json: 4 of 4 shards as they were packed/);
  },
);

photoTest("bad folders have their message and exit code", async (folder) => {
  await writePhotoFolder(folder, 8);
  const run = `--run_dir=${join(folder, "run")}`;
  const none = join(folder, "none");
  const flat = join(folder, "val", "n01");
  const cases: [string[], RegExp][] = [
    [["--dataset_name=imagenet", `--data_dir=${none}`], /tried .*none, expected train\/<class>/],
    [["--dataset_name=folder", `--data_dir=${none}`], /tried .*none, expected a folder of images/],
    [
      ["--dataset_name=folder", `--data_dir=${flat}`, "--clsf_every=1", "--batch_size=2"],
      /expected train\/ and val\/ with class folders, or --hold_out=10% .*, or --clsf_every=0/,
    ],
  ];
  for (const [args, message] of cases) {
    const found = await byol("train", ...SMALL, run, ...args);
    equal(found.code, ExitCode.data, found.stderr);
    match(found.stderr, message);
  }
  // One bad file of 16 is more than 0.01 %; by default it is skipped, and the run folder says so.
  await Deno.writeTextFile(join(folder, "train", "n01", "n01_0.JPEG"), "no image");
  const options = [
    "--dataset_name=folder",
    `--data_dir=${folder}`,
    "--clsf_every=0",
    "--max_steps=2",
  ];
  const strict = await byol("train", ...SMALL, run, ...options, "--max_bad_fraction=0.0001");
  equal(strict.code, ExitCode.data, strict.stderr);
  match(strict.stderr, /1 of 16 images cannot be used/);
  const listed = JSON.parse(await Deno.readTextFile(join(folder, "run", "bad_files.json")));
  match(listed.train[0].reason, /n01_0\.JPEG/);
  const tolerant = `--run_dir=${join(folder, "tolerant")}`;
  const passed = await byol("train", ...SMALL, tolerant, ...options);
  equal(passed.code, 0, passed.stderr);
  match(passed.stderr, /1 image file could not be used and was skipped/);
});

photoTest("real photos train a ResNet-18 alike from a folder and from shards", async (folder) => {
  const photos = realData("imagenette224");
  if (photos === undefined) {
    return skip("there are no photos: set BYOL_DATA to a folder with imagenette224/");
  }
  const packed = join(folder, "packed");
  const made = await byol("pack", `--data_dir=${photos}`, `--out=${packed}`);
  equal(made.code, 0, made.stderr);
  const digest = async (data: string, name: string): Promise<string> => {
    const run = join(folder, name);
    const trained = await byol(
      "train",
      ...SMALL,
      "--image_size=64",
      "--dataset_name=imagenet",
      `--data_dir=${data}`,
      `--run_dir=${run}`,
      "--max_steps=3",
      "--clsf_every=0",
    );
    equal(trained.code, 0, trained.stderr);
    const [file] = [...Deno.readDirSync(join(run, "checkpoints"))];
    return describeCheckpoint(join(run, "checkpoints", file!.name)).sha256;
  };
  equal(await digest(packed, "shards"), await digest(photos, "loose"));
});

photoTest("shards train on two ranks, and on one, to the folder's traces", async (folder) => {
  await writePhotoFolder(folder, 8);
  const packed = join(folder, "packed");
  const made = await byol(
    "pack",
    `--data_dir=${folder}`,
    `--out=${packed}`,
    "--images_per_shard=5",
  );
  equal(made.code, 0, made.stderr);
  const traces = async (data: string, ranks: number): Promise<Record<string, string>> => {
    const run = join(data, `run-${ranks}`);
    await trainAs(ranks, [
      ...["--dataset_name=folder", `--data_dir=${data}`, `--run_dir=${run}`],
      ...["--max_steps=2", "--trace_steps=2", "--clsf_every=0"],
    ]);
    const names = [...Deno.readDirSync(join(run, "traces"))].map(({ name }) => name).sort();
    return Object.fromEntries(
      names.map((name) => [name, describeCheckpoint(join(run, "traces", name)).sha256]),
    );
  };
  for (const ranks of [1, 2]) {
    const loose = await traces(folder, ranks);
    equal(Object.keys(loose).length, 2 * ranks, "each rank's views of both steps");
    equal(new Set(Object.values(loose)).size, 2 * ranks);
    deepEqual(await traces(packed, ranks), loose);
  }
});

photoTest(
  "the sheet of views shows a folder's photos, and the same of its shards",
  async (folder) => {
    await writePhotoFolder(folder, 8);
    const packed = join(folder, "packed");
    equal((await byol("pack", `--data_dir=${folder}`, `--out=${packed}`)).code, 0);
    const drawn = async (name: string, ...options: string[]): Promise<Uint8Array> => {
      const path = join(folder, name);
      const { code, stdout, stderr } = await byol(
        ...["views", `--out=${path}`, "--dataset_name=folder", "--image_size=48", ...options],
      );
      equal(code, 0, stderr);
      match(stdout, /Drew \d+ images, each with both views/);
      return await Deno.readFile(path);
    };
    const sheet = await drawn("loose.png", `--data_dir=${folder}`);
    // Two times 48 pixels a picture, four images with two views each a row, as of any data set.
    deepEqual([...sheet.subarray(16, 24)], [0, 0, 0x04, 0xc2, 0, 0, 0x01, 0xb2]);
    deepEqual(await drawn("packed.png", `--data_dir=${packed}`), sheet);
    // A flat folder has nothing to evaluate on, and needs nothing.
    const flat = join(folder, "train", "n01");
    notEqual((await drawn("flat.png", `--data_dir=${flat}`)).length, 0);
  },
);

/** Trains on so many ranks, which need a port of this machine. */
async function trainAs(ranks: number, options: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "src/cli.ts", "train", ...SMALL, `--ranks=${ranks}`, ...options],
    cwd: projectRoot,
  }).output();
  equal(success, true, new TextDecoder().decode(stderr));
}

photoTest("real photos train on two ranks as on one", async (folder) => {
  const photos = realData("imagenette224");
  if (photos === undefined) {
    return skip("there are no photos: set BYOL_DATA to a folder with imagenette224/");
  }
  const losses = async (ranks: number): Promise<number[]> => {
    const run = join(folder, String(ranks));
    await trainAs(ranks, [
      ...["--dataset_name=imagenet", `--data_dir=${photos}`, `--run_dir=${run}`],
      ...["--dtype=float64", "--max_steps=2", "--clsf_every=0", "--nb_workers=1"],
    ]);
    return Deno.readTextFileSync(join(run, "metrics.jsonl")).trim().split("\n")
      .map((line) => JSON.parse(line)).filter(({ kind }) => kind === "train")
      .map(({ loss }) => loss);
  };
  const [one, two] = [await losses(1), await losses(2)];
  equal(one.length, 2);
  for (const [step, loss] of one.entries()) {
    equal(Math.abs(loss - two[step]!) < 1e-9, true, `step ${step}: ${loss} and ${two[step]}`);
  }
});
