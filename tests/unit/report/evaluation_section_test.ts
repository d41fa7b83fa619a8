/** The section on accuracies: groups of runs, and published results beside their own group only. */

import { doesNotMatch, equal, match } from "node:assert/strict";
import { evaluations, titleOf } from "../../../src/report/evaluation_section.ts";
import { readRun } from "../../../src/report/run_data.ts";
import { groupsOf } from "../../../src/run/groups.ts";
import { type RunShape, writeRun } from "../../support/run_files.ts";

const CIFAR = ["--dataset_name=cifar10", "--resnet_type=resnet18", "--data_dir=data"];
const SHAPE = { steps: 40, every: 20, totalSteps: 100, tested: 1000 };

/** The section on runs of such shapes, as a table a group. */
async function sectionOf(
  shapes: readonly Partial<RunShape>[],
): Promise<{ html: string; titles: string[]; tables: string[] }> {
  await using runs = new AsyncDisposableStack();
  const data = [];
  for (const shape of shapes) {
    data.push(readRun(runs.use(await writeRun({ ...SHAPE, ...shape })).path));
  }
  const groups = groupsOf(data);
  const html = evaluations(groups);
  const tables = html.split("<table").slice(1);
  return { html, titles: groups.map((group) => titleOf(group)), tables };
}

Deno.test("runs of different data, networks and schedules are not averaged", async () => {
  const { titles, tables, html } = await sectionOf([
    { args: CIFAR, top1: 80 },
    { args: CIFAR, top1: 84, seed: 1 },
    { top1: 30 },
    { args: [...CIFAR, "--nb_epochs=20"], top1: 90 },
    { args: [...CIFAR, "--resnet_type=resnet34"], top1: 85 },
    // The same options, evaluated at another step.
    { args: CIFAR, top1: 70, steps: 20, seed: 2 },
  ]);
  equal(tables.length, 5);
  match(titles[0]!, /^CIFAR-10 · ResNet-18 · 10 epochs of batches of 16 · .* · 2 runs$/);
  match(titles[1]!, /^demo images · ResNet-20 /);
  match(tables[0]!, /mean ± std of 2 seeds<\/td>.*82\.00 ± 2\.83/);
  equal(html.split("mean ± std").length, 2);
  // Published ResNet-18 rows stand beside ResNet-18 on CIFAR-10 only.
  match(tables[0]!, /published: the reference program, 800 epochs, ResNet-18.*91\.92/);
  doesNotMatch(tables[1]!, /published:/);
  doesNotMatch(tables[3]!, /published:/);
  match(tables[3]!, /Published results on these images are of ResNet-18\./);
});

Deno.test("a single run has no mean, and each accuracy its standard error and number of images", async () => {
  const { html } = await sectionOf([{ top1: 39.1 }]);
  match(html, />this run, after epoch 2<.*>40\.00 ± 1\.55<.*>39\.10 ± 1\.54<.*>90\.00 ± 0\.95</);
  match(html, /on 1,000 test images; ± after an accuracy is its binomial standard error/);
  doesNotMatch(html, /mean/);
});

Deno.test("a seed that was run twice is no second seed", async () => {
  const { html } = await sectionOf([{ top1: 50 }, { top1: 50 }]);
  doesNotMatch(html, /mean ± std/);
  match(html, /There is no mean: two runs have the same seed\./);
});

Deno.test("test and held-out accuracies stand apart, each with its name, and so do their means", async () => {
  const held = [...CIFAR, "--hold_out=500"];
  const { html } = await sectionOf([{ args: held, top1: 60, heldOut: 50 }]);
  match(
    html,
    /this run, after epoch 2, test<.*>60\.00 ± 1\.55<.*after epoch 2, held-out<.*>50\.00 ± 2\.24</,
  );
  match(html, /on 1,000 test images and 500 held-out images; ± after/);
  match(html, /Neither the encoder nor the probe learnt from the held-out images \(--hold_out\)/);
  match(html, /Published results are of encoders that learnt from all training images/);
  const { html: two, titles } = await sectionOf([
    { args: held, top1: 60, heldOut: 50 },
    { args: held, top1: 64, heldOut: 52, seed: 1 },
    { args: CIFAR, top1: 70, seed: 2 },
  ]);
  equal(titles.length, 2);
  match(
    two,
    /mean ± std of 2 seeds, test<.*>62\.00 ± 2\.83<.*of 2 seeds, held-out<.*>51\.00 ± 1\.41</,
  );
});
