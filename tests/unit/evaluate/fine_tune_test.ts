/** Evaluation with a part of the labels, and by fine-tuning. */

import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { PROBE_TRANSFORMS } from "../../../src/recipes/views.ts";
import { fineTune } from "../../../src/evaluate/fine_tune.ts";
import { Learner } from "../../../src/native/learner.ts";
import type { Dataset } from "../../../src/native/dataset.ts";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { setThreads } from "../../../src/native/core.ts";
import { readTensors } from "../../../src/base/safetensors.ts";
import { RANK_PERMISSIONS } from "../../../src/base/permissions.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { byol } from "../../support/byol.ts";
import { demoImages, NETWORK } from "../../support/small_network.ts";

const CHECKPOINT = "checkpoints/byol_demo_resnet20.safetensors";
const EVAL = ["eval", `--checkpoint=${CHECKPOINT}`, "--threads=1", "--format=json"];

function names(dataset: Dataset): string[] {
  return dataset.names(0, dataset.describe().count);
}

Deno.test("a share of the labels has as many images of each class, the same ones at the same seed", async () => {
  setThreads(1);
  using dataset = demoImages({ count: 1000 });
  using learner = Learner.create(NETWORK);
  const file = await Deno.makeTempFile();
  dataset.setProbe(50, PROBE_TRANSFORMS.demo);
  const take = (
    seed: number,
    percent: number,
    part: "learn" | "heldOut" = "learn",
    heldOut = 0,
  ) => {
    dataset.takeSubset({ seed, percent, heldOut, part });
    return names(dataset);
  };
  const labelsOf = (make: () => void): number[] => {
    make();
    learner.writeEmbeddings(dataset, file);
    return Array.from(readTensors(file).get("labels")!.values, Number);
  };
  const perClass = (labels: number[]): number[] =>
    Array.from({ length: 10 }, (_, label) => labels.filter((one) => one === label).length);

  const tenth = take(3, 10);
  deepEqual(perClass(labelsOf(() => dataset.makeCenterCrops(0, 100))), new Array(10).fill(10));
  // An epoch of the probe goes through the same images.
  const epoch = [0, 1].flatMap((step) => labelsOf(() => dataset.makeProbeBatch(5, step)));
  deepEqual(perClass(epoch), new Array(10).fill(10));
  take(4, 100);
  deepEqual(take(3, 10), tenth);
  notDeepEqual(take(4, 10), tenth);
  // A hundredth is within the tenth; what is held out and the others make the whole.
  ok(take(3, 1).every((name) => tenth.includes(name)));
  const both = [...take(3, 10, "learn", 20), ...take(3, 10, "heldOut", 20)];
  equal(take(3, 10, "heldOut", 20).length, 20);
  deepEqual(both.toSorted(), tenth.toSorted());
  equal(take(3, 100).length, 1000);
  await Deno.remove(file);
});

Deno.test("fine-tuning learns, end to end, and is the same each time", async () => {
  setThreads(1);
  using train = demoImages({ count: 640 });
  using test = demoImages({ count: 200, train: false });
  using learner = Learner.create(NETWORK);
  const path = await Deno.makeTempFile();
  const digests: string[] = [];
  const parts = {
    ...{ learner, train, test },
    reset: () => learner.loadEncoder(join(projectRoot, CHECKPOINT)),
    keep: () => {
      learner.saveEncoder(path, {});
      digests.push(describeCheckpoint(path).sha256);
    },
  };
  const options = {
    ...{ seed: 1, dtype: "float32" as const, transforms: PROBE_TRANSFORMS.demo },
    ...{ labelFraction: 50, batchSize: 64, momentum: 0.9, weightDecay: 0, sweep: false },
  };
  const short = await fineTune(parts, { ...options, epochs: 1, learningRate: 1e-6 });
  // Nothing learnt: the classifier's first weights know no class.
  ok(short!.top1 < 30 && short!.details.train_loss! > 2, JSON.stringify(short));
  const long = await fineTune(parts, { ...options, epochs: 5, learningRate: 0.05 });
  equal(long!.tested, 200);
  ok(long!.details.train_loss! < 2, JSON.stringify(long));
  ok(long!.top1 > 30 && long!.top1 > short!.top1, JSON.stringify(long));
  deepEqual(await fineTune(parts, { ...options, epochs: 5, learningRate: 0.05 }), long);
  // The encoder was trained, too, and to the same bits.
  equal(digests[1], digests[2]);
  equal(new Set(digests).size, 2);

  const sweep = { ...options, epochs: 1, learningRate: 1, sweep: true };
  const swept = await fineTune(parts, { ...sweep, sweptEpochs: [1, 2] });
  ok([0.005, 0.01, 0.02, 0.05, 0.1].includes(swept!.details.probe_learning_rate!));
  ok(swept!.details.held_out_top1! > 0);
  const { probe_learning_rate: learningRate, probe_epochs: epochs } = swept!.details;
  ok(epochs === 1 || epochs === 2);
  const chosen = await fineTune(parts, { ...options, epochs, learningRate: learningRate! });
  deepEqual([chosen!.top1, chosen!.details.train_loss], [swept!.top1, swept!.details.train_loss]);
  equal(await fineTune(parts, { ...options, epochs: 1, learningRate: 1 }, () => true), undefined);
  await Deno.remove(path);
});

Deno.test("eval names protocol and share of labels, and writes what each protocol finds", async () => {
  const folder = await Deno.makeTempDir();
  const quick = ["--label_fraction=10", "--nb_epochs_clsf=1"];
  const found: Record<string, Record<string, unknown>> = {};
  for (const protocol of ["linear", "clipped", "knn", "finetune"]) {
    const network = join(folder, `${protocol}.safetensors`);
    const save = protocol === "knn" ? [] : [`--save_probe=${network}`];
    const { code, stdout, stderr } = await byol(
      ...EVAL,
      ...quick,
      ...save,
      `--protocol=${protocol}`,
    );
    equal(code, 0, stderr);
    const result = found[protocol] = JSON.parse(stdout) as Record<string, unknown>;
    equal(result.protocol, protocol);
    equal(result.label_fraction, 10);
    equal(result.tested, 1000);
  }
  equal(found.knn!.knn_top1, found.linear!.knn_top1);
  equal(found.clipped!.knn_top1, found.linear!.knn_top1);
  notDeepEqual(found.clipped!.confusion, found.linear!.confusion);
  deepEqual(Object.keys(found.knn!), [
    "protocol",
    "label_fraction",
    "knn_top1",
    "tested",
    "classes",
    "balanced_top1",
    "per_class",
    "confusion",
  ]);
  ok("top5" in found.finetune! && !("knn_top1" in found.finetune!));
  const saved = (name: string) => describeCheckpoint(join(folder, `${name}.safetensors`));
  deepEqual(saved("linear").shapes, { bias: [10], weight: [10, 64] });
  deepEqual(saved("finetune").shapes["fc.weight"], [10, 64]);
  equal(saved("finetune").encoder?.resnetType, "resnet20");
  equal(saved("finetune").metadata?.protocol, "finetune");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what no protocol can do has its own message and exit code", async () => {
  const cases: [string[], number, RegExp][] = [
    [
      ["--protocol=probe"],
      2,
      /--protocol=probe: expected linear, clipped, logreg, finetune or knn/,
    ],
    [["--label_fraction=0"], 2, /--label_fraction=0: expected /],
    [["--label_fraction=1", "--limit_train=900"], 2, /class \d would have none/],
    [
      ["--label_fraction=1", "--limit_train=1200", "--protocol=finetune", "--clsf_lr_sweep"],
      2,
      /Cannot hold out 10 % of 1 images/,
    ],
    [["--protocol=finetune", "--limit_train=1"], 2, /Cannot fine-tune on 1 image/],
    [["--protocol=finetune", "--clsf_augment=false"], 2, /which trains on random crops/],
    [["--protocol=clipped", "--clsf_augment=false"], 2, /which trains on pre-training's views/],
    [["--protocol=clipped", "--clsf_lr_sweep"], 2, /Cannot use --clsf_lr_sweep, which trains many/],
    [["--protocol=finetune", "--batch_size_clsf=1"], 2, /expected at least 2/],
    [["--protocol=knn", "--save_probe=p"], 2, /with --protocol=knn, which has no probe/],
    [["--save_probe=/no/such/folder/p"], 8, /\/no\/such\/folder is no folder, expected one/],
    [
      ["--protocol=finetune", "--limit_train=200", "--lr_init_clsf=1e9"],
      7,
      /the loss is NaN, expected a finite number; give a smaller --lr_init_clsf/,
    ],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await byol(...EVAL, ...args);
    equal(code, expected, `${args.join(" ")}: ${stderr}`);
    match(stderr, message);
    equal(stdout, "");
  }
});

Deno.test("SIGTERM ends fine-tuning with its exit code", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RANK_PERMISSIONS],
      ...["src/cli.ts", ...EVAL, "--protocol=finetune", "--nb_epochs_clsf=1000"],
    ],
    cwd: projectRoot,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    // Progress is said once it is under way.
    if (!said.includes("evaluating") && (said + text).includes("evaluating")) child.kill("SIGTERM");
    said += text;
  }
  equal((await child.status).code, 75);
  match(said, /Interrupted before the evaluation was done/);
  await child.stdout.cancel();
});
