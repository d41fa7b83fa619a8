/** Accuracies by class, and the k-NN classifiers that `--knn` names. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { byClass, confusionOf } from "../../../src/evaluate/by_class.ts";
import { parseNeighbours } from "../../../src/recipes/neighbours.ts";
import { byol } from "../../support/byol.ts";

Deno.test("classes of different sizes count alike in the balanced accuracy, and a class without images does not", () => {
  // Class a: 9 of 10 right; b: 1 of 2; c: no image, and an answer once.
  const confusion = confusionOf([9, 0, 1, 1, 1, 0, 0, 0, 0])!;
  deepEqual(byClass(confusion, ["a", "b", "c"]), {
    balanced_top1: 70,
    per_class: [
      { class: "a", tested: 10, top1: 90 },
      { class: "b", tested: 2, top1: 50 },
      { class: "c", tested: 0, top1: null },
    ],
    confusion: [[9, 0, 1], [1, 1, 0], [0, 0, 0]],
  });
});

Deno.test("counts of an earlier set are taken away, and too many classes have none", () => {
  deepEqual(confusionOf([5, 1, 2, 4], [3, 0, 2, 1]), [[2, 1], [0, 3]]);
  equal(confusionOf([]), undefined);
});

const EVAL = [
  ...["eval", "--checkpoint=checkpoints/byol_demo_resnet20.safetensors", "--threads=1"],
  ...["--clsf_augment=false", "--nb_epochs_clsf=2", "--limit_train=1000"],
];

Deno.test("eval counts every answer by class, for the probe and for k-NN alone", async () => {
  for (const protocol of ["linear", "knn"]) {
    const { code, stdout, stderr } = await byol(
      ...EVAL,
      `--protocol=${protocol}`,
      "--format=json",
    );
    equal(code, 0, stderr);
    const { confusion, per_class: classes, balanced_top1, tested, ...found } = JSON.parse(stdout);
    const right = confusion.reduce((sum: number, row: number[], at: number) => sum + row[at]!, 0);
    equal(confusion.flat().reduce((sum: number, count: number) => sum + count, 0), tested);
    const top1 = protocol === "linear" ? found.top1 : found.knn_top1;
    ok(Math.abs(100 * right / tested - top1) < 1e-9, `${protocol}: ${right} of ${tested}, ${top1}`);
    const mean = classes.reduce((sum: number, one: { top1: number }) => sum + one.top1, 0) / 10;
    ok(Math.abs(mean - balanced_top1) < 1e-9);
    match(stderr, /k-NN looks at 200 neighbours, and the smallest class has \d+ training images/);
  }
});

Deno.test("--knn gives a figure for each classifier, the first of which is the known one", async () => {
  deepEqual(parseNeighbours("20,0.07:200:1,.5"), [
    { k: 20, temperature: 0.07 },
    { k: 200, temperature: 0.1 },
    { k: 1, temperature: 0.5 },
  ]);
  const knn = ["--protocol=knn", "--knn=200,0.1:1:50,0.5", "--format=json"];
  const [known, several] = await Promise.all(
    [["--protocol=knn", "--format=json"], knn].map((args) => byol(...EVAL, ...args)),
  );
  equal(several!.code, 0, several!.stderr);
  const [one, all] = [known, several].map((ended) => JSON.parse(ended!.stdout));
  equal(all.knn_top1, one.knn_top1);
  deepEqual(
    all.knn.map(({ k, temperature }: { k: number; temperature: number }) => [k, temperature]),
    [[200, 0.1], [1, 0.1], [50, 0.5]],
  );
  equal(all.knn[0].top1, one.knn_top1);
  ok(all.knn[1].top1 !== all.knn[0].top1);
  const text = await byol(...EVAL, "--protocol=knn", "--knn=20,0.07");
  match(text.stdout, /^k-NN \(20, T 0\.07\) \d+\.\d+ ± \d\.\d+ % \(1,000 test images/);
  equal(/smallest class/.test(text.stderr), false);
});

Deno.test("--knn refuses what classifies nothing", async () => {
  for (const text of ["0", "20,0", "20;0.1", "k", "20,0.1,3", "-1", "20:", "20 200"]) {
    const { code, stderr } = await byol(...EVAL, `--knn=${text}`);
    equal(code, 2, text);
    match(stderr, /--knn=.*: expected K or K,T, such as 20,0\.07/);
  }
});
