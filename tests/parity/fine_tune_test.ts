/** Fine-tuning against PyTorch's SGD and autograd, and saved probes as other programs read them. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { PROBE_TRANSFORMS } from "../../src/recipes/views.ts";
import { FineTuning } from "../../src/native/finetune.ts";
import { Learner } from "../../src/native/learner.ts";
import { setThreads } from "../../src/native/core.ts";
import { Probe } from "../../src/native/probe.ts";
import { byol } from "../support/byol.ts";
import { demoImages, NETWORK } from "../support/small_network.ts";
import { askOracle, parityTests } from "./oracle.ts";

const CHECKPOINT = "checkpoints/byol_demo_resnet20.safetensors";
const SGD = { momentum: 0.9, weightDecay: 1e-3 };
const RATES = [0.1, 0.05, 0.2];

parityTests([
  {
    name: "the first steps of fine-tuning equal PyTorch's in float64",
    // Three losses, and more than a hundred tensors.
    least: 100,
    run: async () => {
      setThreads(1);
      const folder = await Deno.makeTempDir({ prefix: "byol-fine-tune-" });
      try {
        using dataset = demoImages({ count: 64, dtype: "float64" });
        dataset.setProbe(16, PROBE_TRANSFORMS.demo);
        using learner = Learner.create({ ...NETWORK, dtype: "float64" });
        using classifier = Probe.create({
          ...{ features: learner.features(), classes: 10, dtype: "float64", seed: 2 },
          ...SGD,
        });
        using tuning = FineTuning.create(learner);
        const [before, after] = ["before", "after"].map((name) => join(folder, name)) as [
          string,
          string,
        ];
        const [batches, losses]: [string[], number[]] = [[], []];
        classifier.save(learner, { path: before, metadata: {}, withEncoder: true });
        for (const [step, rate] of RATES.entries()) {
          dataset.makeProbeBatch(7, step);
          batches.push(join(folder, `batch-${step}`));
          classifier.writeAnswers(learner, dataset, batches[step]!);
          tuning.step({ learner, classifier, dataset }, rate);
          losses.push(tuning.loss());
        }
        const { resnetType, stem } = NETWORK;
        const metadata = { resnetType, stem, learningRates: RATES, losses, ...SGD };
        classifier.save(learner, { path: after, metadata, withEncoder: true });
        return [await askOracle("finetune.py", [before, after, ...batches])];
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  },
  {
    name: "a saved probe gives its evaluation's accuracies by NumPy and PyTorch",
    least: 0,
    run: async () => {
      const folder = await Deno.makeTempDir({ prefix: "byol-saved-probe-" });
      const path = (name: string): string => join(folder, name);
      try {
        const found = [];
        for (const augment of [true, false]) {
          const probe = path(`probe-${augment}.safetensors`);
          const evaluated = await byol(
            ...["eval", `--checkpoint=${CHECKPOINT}`, "--label_fraction=10", "--threads=1"],
            ...[`--clsf_augment=${augment}`, `--save_probe=${probe}`, "--format=json"],
          );
          equal(evaluated.code, 0, evaluated.stderr);
          found.push({ probe, ...JSON.parse(evaluated.stdout) });
        }
        const embedded = await byol(
          ...["embed", `--checkpoint=${CHECKPOINT}`, "--split=test", "--threads=1"],
          `--out=${path("test.npy")}`,
        );
        equal(embedded.code, 0, embedded.stderr);
        const reports = [];
        for (const { probe, top1, top5 } of found) {
          const report = await askOracle("finetune.py", [
            ...["probe", probe, path("test.npy"), path("test.labels.npy")],
          ]);
          const { meta, ...theirs } = report.extra as Record<string, Record<string, unknown>>;
          // Of 1,000 images one may fall on the other side of a rounding.
          for (const [name, ours] of [["top1", top1], ["top5", top5]] as const) {
            ok(Math.abs(Number(theirs[name]) - ours) < 0.11, `${name}: ${theirs[name]}, ${ours}`);
          }
          equal(meta?.protocol, "linear");
          equal(meta?.labelFraction, 10);
          equal((meta?.classNames as string[]).length, 10);
          reports.push(report);
        }
        const [{ top1: augmented }, { top1: cached }] = found;
        deepEqual([augmented > 20, cached > 20], [true, true]);
        return reports;
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  },
]);
