/** Exported encoders as torchvision, timm and torch.load read them: strictly, and with the same embeddings. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { decode, encode } from "fast-png";
import { Learner } from "../../src/native/learner.ts";
import { setThreads } from "../../src/native/core.ts";
import { readTensors } from "../../src/base/safetensors.ts";
import { openData } from "../../src/data/open.ts";
import { evaluationOptions } from "../../src/evaluate/options.ts";
import { thisEnvironment } from "../../src/options/environment.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { pictureAt } from "../../src/report/image_sample.ts";
import { grayPng, png } from "../support/photo_files.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { olderOnnxRuntimeFolder } from "../runner/older_onnxruntime.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { skip } from "../support/skip.ts";
import { askOracle, askPython } from "./oracle.ts";

const HEADS = { hiddenDim: 16, zDim: 8 } as const;
const SETTINGS = {
  bnViews: "joint",
  larsVariant: "reference",
  dtype: "float32",
  seed: 1,
} as const;

/** A checkpoint whose every weight and statistic is random, with images and what the network makes of them. */
async function writeCheckpoint(
  folder: string,
  network: typeof NETWORKS[number],
): Promise<void> {
  const { resnetType, stem, data } = network;
  const heads = "heads" in network ? network.heads : "reference";
  const path = (name: string): string => join(folder, `${name}.safetensors`);
  await askOracle("networks.py", [
    "randomise",
    ...[`--resnet_type=${resnetType}`, `--stem=${stem}`, "--dtype=float32"],
    ...[`--hidden_dim=${HEADS.hiddenDim}`, `--z_dim=${HEADS.zDim}`, `--heads=${heads}`],
    ...["--batch=3", "--size=64"],
    ...[`--out=${path("random")}`, `--outputs=${path("given")}`],
  ]);
  setThreads(1);
  using learner = Learner.create({ resnetType, stem, ...HEADS, heads, ...SETTINGS });
  learner.load(path("random"));
  const normalisation = "normalisation" in network ? network.normalisation : null;
  const config = { resnetType, datasetName: data, epochs: 4, normalisation };
  const metadata = { step: 12, epoch: 3, config };
  learner.save(path("checkpoint"), metadata);
  learner.saveEncoder(path("alone"), metadata);
  await writeImage(folder, { learner, data, normalisation });
  // This comes last: its pass in train mode moves the statistics.
  learner.writeOutputs({ input: path("given"), path: path("outputs"), encoderOnly: true });
}

/** Writes image.png, and as truth.safetensors its embedding by an evaluation's own transforms. */
async function writeImage(
  folder: string,
  { learner, data, normalisation }: {
    learner: Learner;
    data: "demo" | "folder";
    normalisation: string | null;
  },
): Promise<void> {
  const photos = join(folder, "photos");
  const photo = normalisation === null ? png(150, 110, 3) : grayPng(150, 4095);
  await Deno.mkdir(join(photos, "n01"), { recursive: true });
  await Deno.writeFile(join(photos, "n01", "photo.png"), photo);
  // The checkpoint says no size of views, as those of earlier versions: they were trained at 224.
  const ofFolder = [
    ...["--dataset_name=folder", `--data_dir=${photos}`, "--image_size=224"],
    ...normalisation === null ? [] : [`--normalisation=${normalisation}`],
  ];
  const { config } = parseCommandLine(
    "train",
    ["--threads=1", "--clsf_every=0", "--limit_train=1", ...data === "folder" ? ofFolder : []],
    thisEnvironment(),
  );
  using image = (await openData(config, { splits: "train" })).train;
  const { transforms } = evaluationOptions(config);
  image.setProbe(1, transforms);
  image.makeCenterCrops(0, 1);
  learner.writeEmbeddings(image, join(folder, "truth.safetensors"));
  const file = join(folder, "unused.safetensors");
  const shown = data === "folder" ? photo : original(pictureAt(image, 0, { transforms, file }));
  await Deno.writeFile(join(folder, "image.png"), shown);
}

/** The picture of a small image in its own size: pictures are drawn with pixels of three. */
function original(picture: Uint8Array): Uint8Array {
  const { data, width } = decode(picture);
  const side = width / 3;
  const values = Uint8Array.from({ length: 3 * side * side }, (_, at) => {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const [row, column] = [Math.floor(pixel / side), pixel % side];
    return data[3 * (3 * row * width + 3 * column) + channel]!;
  });
  return encode({ width: side, height: side, data: values, channels: 3, depth: 8 });
}

/** Runs the programs of the model card as they stand, and compares their embeddings of image.png. */
async function runProgramsOf(folder: string, forms: number): Promise<void> {
  const { embeddings } = await askPython<{ embeddings: number[][] }>("card_programs.py", [folder]);
  equal(embeddings.length, forms);
  const truth = readTensors(join(folder, "truth.safetensors")).get("features")!;
  const expected = Array.from(truth.values as Float64Array, Number);
  for (const [index, found] of embeddings.entries()) {
    const similarity = cosine(found, expected);
    ok(similarity > 0.9999, `program ${index} of the card: cosine ${similarity}`);
  }
}

function cosine(one: readonly number[], other: readonly number[]): number {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, at) => sum + value * b[at]!, 0);
  equal(one.length, other.length);
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other));
}

/** Runs encoder.onnx in an older ONNX Runtime with NumPy 1, where it is installed, in a process of its own. */
async function compareInOlderRuntime(folder: string): Promise<void> {
  const site = olderOnnxRuntimeFolder();
  if (site === undefined) {
    return skip("no older onnxruntime is installed (run: deno task test --oracle=install)");
  }
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: ["tests/parity/oracle/onnx_older.py", folder],
    cwd: projectRoot,
    env: { PYTHONPATH: site },
  }).output();
  ok(success, new TextDecoder().decode(stderr));
  const { onnxruntime, numpy, differences } = JSON.parse(new TextDecoder().decode(stdout));
  ok(onnxruntime !== undefined && numpy !== undefined);
  deepEqual(Object.keys(differences), ["1", "3"]);
  for (const [count, difference] of Object.entries<number>(differences)) {
    const what = `${count} images in onnxruntime ${onnxruntime} with numpy ${numpy}`;
    ok(difference < 1e-4, `${what}: embeddings differ by ${difference}`);
  }
}

const ALL = "torchvision,timm,safetensors,onnx,reference";
/** Networks that differ in depth alone are exported in the two forms that load them strictly. */
const NETWORKS = [
  { resnetType: "resnet18", stem: "cifar", data: "demo", to: ALL },
  { resnetType: "resnet18", stem: "imagenet", data: "folder", to: ALL },
  { resnetType: "resnet50", stem: "imagenet", data: "folder", to: ALL },
  {
    resnetType: "resnet20",
    stem: "cifar",
    data: "demo",
    to: "safetensors,onnx,reference",
    heads: "deepmind",
  },
  { resnetType: "resnet50", stem: "cifar", data: "demo", to: "onnx,timm" },
  {
    resnetType: "resnet34",
    stem: "imagenet",
    data: "folder",
    to: "torchvision,timm",
    // As of photos of 12 bits in 16.
    normalisation: "data:0.480000,0.480000,0.480000:0.260000,0.260000,0.260000:100-4000",
  },
  { resnetType: "resnet101", stem: "imagenet", data: "folder", to: "torchvision,timm" },
  { resnetType: "resnet152", stem: "imagenet", data: "folder", to: "torchvision,timm" },
] as const;
/** Files that the oracle compares for each form, with the difference allowed in float32. */
const COMPARED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  torchvision: { "torchvision.pt": 1e-5, "torchvision.safetensors": 1e-5 },
  timm: { "timm.safetensors": 1e-5 },
  safetensors: { "encoder.safetensors": 1e-5 },
  onnx: { "encoder.onnx, 1": 1e-4, "encoder.onnx, 3": 1e-4 },
  reference: { "reference.pt": 1e-5, "reference.pt, heads": 1e-5 },
};

for (const network of NETWORKS) {
  const { resnetType, stem, to } = network;
  // The oracle's process outlives the test that started it.
  const shared = { sanitizeResources: false, sanitizeOps: false };
  const name = `exports of ${resnetType}, ${stem} stem, load strictly and embed alike`;
  Deno.test(name, shared, async () => {
    if (oracleFolder() === undefined) {
      return skip("torchvision and timm are not installed (run: deno task test --oracle=install)");
    }
    const folder = await Deno.makeTempDir({ prefix: "byol-export-test-" });
    try {
      await writeCheckpoint(folder, network);
      const { code, stderr } = await byol(
        "export",
        `--checkpoint=${join(folder, "checkpoint.safetensors")}`,
        `--to=${to}`,
        `--out=${folder}`,
      );
      equal(code, 0, stderr);
      const found = await askOracle("exports_read.py", [folder, resnetType, stem]);
      const { last_epoch: epoch, ...differences } = found as Record<string, unknown>;
      equal(epoch, to.includes("reference") ? 3 : undefined);
      const allowed = Object.assign({}, ...to.split(",").map((form) => COMPARED[form]));
      deepEqual(Object.keys(differences).sort(), Object.keys(allowed).sort());
      for (const [file, difference] of Object.entries(differences)) {
        ok(
          typeof difference === "number" && difference < allowed[file],
          `${file}: embeddings differ by ${difference}, allowed ${allowed[file]}`,
        );
      }
      if (to.includes("onnx")) await compareInOlderRuntime(folder);
      await runProgramsOf(folder, to.split(",").length);
      const card = await Deno.readTextFile(join(folder, "README.md"));
      match(card, new RegExp(`# ${resnetType}, pretrained by BYOL`));
      if (to.includes("torchvision")) match(card, /weights_only=True/);
      match(card, /Not known: the file/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("the model card tells what the run's folder says of the checkpoint", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-export-test-" });
  const path = (name: string): string => join(folder, name);
  try {
    const trained = await byol(
      ...["train", "--max_steps=2", "--batch_size=16", "--limit_train=64", "--eval_at_end"],
      ...["--nb_epochs_clsf=1", "--threads=1", "--tensorboard=false", `--run_dir=${folder}`],
    );
    equal(trained.code, 0, trained.stderr);
    const card = async (): Promise<string> => {
      const { code, stderr } = await byol(
        "export",
        ...[
          `--checkpoint=${path("encoder.safetensors")}`,
          "--to=seed,onnx",
          `--out=${path("out")}`,
        ],
      );
      // An encoder alone has no form for the reference program; the card is written with the other.
      equal(code, 5, stderr);
      return await Deno.readTextFile(path("out/README.md"));
    };
    const whole = await card();
    match(
      whole,
      /on 1,000 test images, chance 10 %: linear probe top-1 \d+\.\d\d ± \d\.\d\d %, top-5 .*; k-NN top-1 \d/,
    );
    match(whole, /Resize\(36, .*\n.*CenterCrop\(32\),\n.*\n +transforms\.Normalize\(\(0\.\d+, /);
    match(whole, /commit ([0-9a-f]{40}|not known)/);
    await Deno.writeTextFile(path("metrics.jsonl"), "{damaged}\n{}\n");
    match(await card(), /Not known: .*metrics\.jsonl/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a form that a checkpoint does not have is said, and the others are written", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-export-test-" });
  const path = (name: string): string => join(folder, name);
  try {
    using learner = Learner.create({
      resnetType: "resnet20",
      stem: "cifar",
      ...HEADS,
      ...SETTINGS,
    });
    const metadata = { step: 0, epoch: 0, config: { resnetType: "resnet20" } };
    learner.saveEncoder(path("alone.safetensors"), metadata);
    const run = (...args: string[]): ReturnType<typeof byol> => byol("export", ...args);
    const alone = `--checkpoint=${path("alone.safetensors")}`;
    const mixed = await run(alone, "--to=seed,timm,safetensors,reference", `--out=${path("out")}`);
    equal(mixed.code, 5, mixed.stderr);
    // The name of earlier versions is still accepted.
    match(mixed.stderr, /--to=seed: it holds an encoder alone, expected a checkpoint with both/);
    match(mixed.stderr, /--to=reference: it holds an encoder alone/);
    match(mixed.stderr, /--to=timm: timm has no resnet20, expected --to=safetensors/);
    ok((await Deno.stat(path("out/encoder.safetensors"))).size > 1_000_000);
    match(await Deno.readTextFile(path("out/README.md")), /3×3 convolution of stride 1/);
    using again = Learner.create({
      ...{ resnetType: "resnet20", stem: "cifar", ...HEADS },
      ...SETTINGS,
      seed: 2,
    });
    again.loadEncoder(path("out/encoder.safetensors"));

    const unknown = await run(alone, "--to=onn");
    equal(unknown.code, 2);
    match(unknown.stderr, /--to=onn: expected safetensors, torchvision, timm, onnx or reference/);
    const inherited = await run(alone, "--to=constructor");
    equal(inherited.code, 2, inherited.stderr);
    const missing = await run(`--checkpoint=${path("none")}`, "--to=timm");
    equal(missing.code, 5, missing.stderr);
    match(missing.stderr, /none/);
    await Deno.writeTextFile(path("file"), "in the way");
    const blocked = await run(alone, "--to=safetensors", `--out=${path("file")}`);
    equal(blocked.code, 8, blocked.stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
