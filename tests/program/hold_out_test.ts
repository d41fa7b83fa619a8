/** Tests of the images that --hold_out keeps from encoder and probe. */

import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ExitCode } from "../../src/base/exit_codes.ts";
import type { EvalRow } from "../../src/run/metrics.ts";
import { byol, type Outcome } from "../support/byol.ts";
import { BATCH_NAMES, writeRandomCifarBinary } from "../support/cifar_files.ts";
import { inFolder } from "../support/in_folder.ts";
import { png } from "../support/photo_files.ts";

const SMALL: readonly string[] = [
  ...["--resnet_type=resnet18", "--hidden_dim=16", "--z_dim=8", "--batch_size=8", "--threads=1"],
  ...["--max_steps=2", "--nb_epochs_clsf=1", "--clsf_augment=false"],
];
const FOLDER: readonly string[] = ["--dataset_name=folder", "--image_size=32", ...SMALL];
const CLASSES = 4;
const PER_CLASS = 10;

/** Returns the names of all images of a class folder, in order. */
function namesIn(label: number): string[] {
  return Array.from({ length: PER_CLASS }, (_, index) => `class_${label}/${index}.png`);
}

const NAMES = Array.from({ length: CLASSES }, (_, label) => namesIn(label)).flat();
const HELD_OUT = NAMES.filter((name) => keyOf(name) < 2n ** 64n * 20n / 100n);

/** Returns the leading 64 bits of the SHA-256 of a name. */
function keyOf(name: string): bigint {
  return createHash("sha256").update(name).digest().readBigUInt64BE();
}

/** Writes class folders. @param change added to the pattern of the held-out images */
/** Returns the number of images in a confusion matrix. */
function imagesIn(confusion: number[][]): number {
  return confusion.flat().reduce((sum, count) => sum + count, 0);
}

function writeClasses(folder: string, change = 0): void {
  for (const [at, name] of NAMES.entries()) {
    Deno.mkdirSync(join(folder, name, ".."), { recursive: true });
    const seed = at + (HELD_OUT.includes(name) ? change : 0);
    Deno.writeFileSync(join(folder, name), png(32, 32, seed));
  }
}

async function succeed(...args: string[]): Promise<Outcome> {
  const outcome = await byol(...args);
  equal(outcome.code, 0, `${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

async function trained(run: string, ...args: string[]): Promise<Outcome> {
  return await succeed("train", `--run_dir=${run}`, "--eval_at_end", ...args);
}

function checkpointOf(run: string): string {
  const [{ name } = { name: "" }] = [...Deno.readDirSync(join(run, "checkpoints"))];
  return join(run, "checkpoints", name);
}

function evaluationOf(run: string): EvalRow {
  const lines = Deno.readTextFileSync(join(run, "metrics.jsonl")).trim().split("\n");
  return lines.map((line) => JSON.parse(line)).findLast(({ kind }) => kind === "eval");
}

/** Returns the names of the images that are embedded of a split. */
async function namesOf(split: string, args: readonly string[]): Promise<string[]> {
  return await inFolder(async (out) => {
    await succeed("embed", `--split=${split}`, `--out=${out}/x.npy`, "--threads=1", ...args);
    return Deno.readTextFileSync(join(out, "x.names.txt")).trim().split("\n");
  });
}

Deno.test("a folder without val/ is evaluated on held-out images, the same of its shards", () =>
  inFolder(async (folder) => {
    const [data, run, packed] = ["data", "run", "packed"].map((name) => join(folder, name));
    writeClasses(data!);
    ok(HELD_OUT.length >= CLASSES && HELD_OUT.length < 16, `${HELD_OUT.length} are held out`);
    const { stdout, stderr } = await trained(
      run!,
      ...FOLDER,
      `--data_dir=${data}`,
      "--hold_out=20%",
    );
    match(stderr, new RegExp(`40 images of 4 classes in .*; ${HELD_OUT.length} of them held out`));
    match(stdout, new RegExp(`On ${HELD_OUT.length} held-out images; ± is`));
    const { held_out: heldOut, tested_on: on, ...row } = evaluationOf(run!);
    equal(on, "held-out");
    equal(heldOut!.tested, HELD_OUT.length);
    deepEqual([row.top1, row.top5, row.knn_top1, row.tested], [
      ...[heldOut!.top1, heldOut!.top5, heldOut!.knn_top1, heldOut!.tested],
    ]);
    const { evaluations } = JSON.parse(Deno.readTextFileSync(join(run!, "result.json")));
    deepEqual(evaluations.at(-1).held_out, heldOut);
    const record = JSON.parse(Deno.readTextFileSync(join(run!, "config.json")));
    deepEqual([record.config.hold_out, record.data.heldOut], ["20%", HELD_OUT.length]);
    const info = await succeed("info", `--checkpoint=${run}`);
    match(info.stdout, /, 20% held out\n/);
    match(info.stdout, new RegExp(`\\(${HELD_OUT.length} held-out images, chance 25 %`));

    const card = await succeed(
      "export",
      `--checkpoint=${run}`,
      "--to=safetensors",
      `--out=${folder}/card`,
    );
    const text = Deno.readTextFileSync(join(folder, "card/README.md"));
    match(text, new RegExp(`on ${HELD_OUT.length} held-out images, chance 25 %`), card.stdout);
    match(
      text,
      new RegExp(`\`--hold_out=20%\`, ${HELD_OUT.length} images: neither the encoder nor`),
    );

    const checkpoint = `--checkpoint=${checkpointOf(run!)}`;
    deepEqual((await namesOf("held_out", [checkpoint])).sort(), [...HELD_OUT].sort());
    const rest = NAMES.filter((name) => !HELD_OUT.includes(name));
    await succeed("pack", `--data_dir=${data}`, `--out=${packed}`);
    const shards = [checkpoint, `--data_dir=${packed}`];
    deepEqual((await namesOf("train", shards)).sort(), rest.sort());
    deepEqual((await namesOf("held_out", shards)).sort(), [...HELD_OUT].sort());
  }));

Deno.test("other pixels in the held-out images leave the checkpoint the same, bit for bit", () =>
  inFolder(async (folder) => {
    const [data, run] = ["data", "run"].map((name) => join(folder, name));
    const checkpoints: Uint8Array[] = [];
    const rows: EvalRow[] = [];
    for (const change of [0, 1000]) {
      writeClasses(data!, change);
      await trained(run!, ...FOLDER, `--data_dir=${data}`, "--hold_out=20%");
      checkpoints.push(Deno.readFileSync(checkpointOf(run!)));
      rows.push(evaluationOf(run!));
      await Deno.remove(run!, { recursive: true });
    }
    equal(Math.max(...checkpoints.map(({ length }) => length)), checkpoints[0]!.length);
    ok(checkpoints[0]!.every((byte, at) => byte === checkpoints[1]![at]), "the checkpoints differ");
    equal(rows[0]!.tested, rows[1]!.tested);
  }));

Deno.test("other labels of the held-out images leave the probe's weights the same, bit for bit", () =>
  inFolder(async (folder) => {
    const [data, packed, run] = ["data", "packed", "run"].map((name) => join(folder, name));
    writeClasses(data!);
    await succeed("pack", `--data_dir=${data}`, `--out=${packed}`);
    const train = [...FOLDER, `--data_dir=${packed}`, "--hold_out=20%"];
    await trained(run!, ...train);
    const checkpoint = checkpointOf(run!);
    const probes: Uint8Array[] = [];
    const found: EvalRow[] = [];
    for (const isChanged of [false, true]) {
      if (isChanged) relabel(packed!);
      const file = join(folder, `probe-${isChanged}.safetensors`);
      const { stdout } = await succeed(
        ...["eval", `--checkpoint=${checkpoint}`, `--save_probe=${file}`, "--threads=1"],
        ...["--clsf_augment=false", "--nb_epochs_clsf=20", "--format=json"],
      );
      probes.push(Deno.readFileSync(file));
      found.push(JSON.parse(stdout));
    }
    ok(probes[0]!.every((byte, at) => byte === probes[1]![at]), "the probes differ");
    notDeepEqual(found[0]!.held_out, found[1]!.held_out, "the labels had no effect on the test");
  }));

/** Gives each held-out image of shards the next class; its name stays. */
function relabel(packed: string): void {
  for (const { name: file } of Deno.readDirSync(packed)) {
    const path = join(packed, file);
    if (!file.includes(".index") && !file.includes(".idx")) continue;
    const [head, ...lines] = Deno.readTextFileSync(path).split("\n");
    const changed = lines.map((line) => {
      const fields = line.split("\t");
      const label = Number(/^class_(\d)$/.exec(fields[4] ?? "")?.[1]);
      if (!HELD_OUT.includes(fields[5] ?? "")) return line;
      return fields.with(4, `class_${(label + 1) % CLASSES}`).join("\t");
    });
    Deno.writeTextFileSync(path, [head, ...changed].join("\n"));
  }
}

Deno.test("of CIFAR-10 the last images are held out, and neither they nor their labels are learnt from", () =>
  inFolder(async (folder) => {
    const data = await writeRandomCifarBinary(folder, 5);
    const cifar = [
      ...["--dataset_name=cifar10", `--data_dir=${data}`, "--allow_unverified_data", "--offline"],
      ...["--resnet_type=resnet20", "--batch_size=100", "--hidden_dim=8", "--z_dim=4"],
      ...["--max_steps=1", "--clsf_every=0", "--threads=1", "--image_size=8", "--hold_out=49900"],
    ];
    const digests: string[] = [];
    for (const isChanged of [false, true]) {
      if (isChanged) changeAfter(data, 100);
      const run = join(folder, `run-${isChanged}`);
      await succeed("train", `--run_dir=${run}`, ...cifar);
      const info = await succeed("info", `--checkpoint=${run}`, "--format=json");
      digests.push(JSON.parse(info.stdout).sha256);
    }
    equal(digests[0], digests[1]);
  }));

/** Changes pixels and labels of all training images but the first `count`, which are in the first file. */
function changeAfter(folder: string, count: number): void {
  const record = 1 + 3 * 32 * 32;
  for (const [at, name] of BATCH_NAMES.slice(0, 5).entries()) {
    const bytes = Deno.readFileSync(join(folder, name));
    for (let start = at === 0 ? count * record : 0; start < bytes.length; start += record) {
      bytes[start] = (bytes[start]! + 3) % 10;
      bytes.fill(at + 1, start + 1, start + record);
    }
    Deno.writeFileSync(join(folder, name), bytes);
  }
}

Deno.test("accuracies on test and on held-out images stand side by side, in training and in evaluation", () =>
  inFolder(async (folder) => {
    const run = join(folder, "run");
    const demo = [...SMALL, "--resnet_type=resnet20", "--hold_out=200", "--limit_train=100"];
    const { stdout } = await trained(run, ...demo);
    match(stdout, /after .*, test .*\nafter .*, held-out /);
    match(stdout, /On 1,000 test images and 200 held-out images; ± is the binomial/);
    const row = evaluationOf(run);
    deepEqual([row.tested, row.held_out!.tested, row.tested_on], [1000, 200, undefined]);
    const [evaluated, neighbours, tuned] = await Promise.all([
      succeed("eval", `--checkpoint=${run}`, "--threads=1", "--format=json"),
      succeed("eval", `--checkpoint=${run}`, "--threads=1", "--protocol=knn"),
      succeed(
        "eval",
        `--checkpoint=${run}`,
        "--threads=1",
        "--protocol=finetune",
        "--nb_epochs_clsf=1",
      ),
    ]);
    const found = JSON.parse(evaluated!.stdout);
    const { balanced_top1, per_class, confusion, ...heldOut } = found.held_out;
    deepEqual([found.top1, heldOut], [row.top1, row.held_out]);
    // The answers on the test images, which were tested first, are not among them.
    equal(imagesIn(confusion), 200);
    equal(imagesIn(found.confusion), 1000);
    equal(per_class.length, 10);
    ok(balanced_top1 > 0);
    match(neighbours!.stdout, /k-NN .*1,000 test images.*\nk-NN .*200 held-out images/);
    match(tuned!.stdout, /fine-tuned .*1,000 test images.*\nfine-tuned .*200 held-out images/);
  }));

Deno.test("another --hold_out than the checkpoint's is refused on its images, wherever it would leak", () =>
  inFolder(async (folder) => {
    const [data, run] = ["data", "run"].map((name) => join(folder, name));
    writeClasses(data!);
    const train = [...FOLDER, `--data_dir=${data}`, "--clsf_every=0"];
    await succeed("train", ...train, `--run_dir=${run}`, "--hold_out=20%");
    const checkpoint = checkpointOf(run!);
    const refused = async (args: readonly string[], [code, message]: [ExitCode, RegExp]) => {
      const outcome = await byol(...args);
      equal(outcome.code, code, outcome.stderr);
      match(outcome.stderr, message);
    };
    const evaluate = ["eval", `--checkpoint=${checkpoint}`, "--threads=1", "--protocol=knn"];
    await refused([...evaluate, "--hold_out=10%"], [
      ExitCode.checkpoint,
      /with --hold_out=10%: it was trained on these images with --hold_out=20%, and the probe would learn from/,
    ]);
    await refused([...evaluate, "--hold_out=30%"], [
      ExitCode.checkpoint,
      /its encoder has learnt from images that would be held out: expected --hold_out=20%/,
    ]);
    await refused(["train", ...train, `--run_dir=${run}`, "--hold_out=10%", "--max_steps=3"], [
      ExitCode.runFolder,
      /--hold_out=20% there, 10% here/,
    ]);
    const other = ["train", ...train, `--run_dir=${folder}/other`];
    await refused([...other, `--init_from=${checkpoint}`, "--hold_out=30%"], [
      ExitCode.checkpoint,
      /Cannot begin with .* with --hold_out=30%: it was trained on these images with --hold_out=20%/,
    ]);
    await succeed(...other, `--init_from=${checkpoint}`, "--hold_out=20%");
    await refused(["train", ...FOLDER, `--data_dir=${data}`, "--hold_out=5"], [
      ExitCode.usage,
      /Cannot hold out --hold_out=5 images of --dataset_name=folder: expected a percentage/,
    ]);
  }));
