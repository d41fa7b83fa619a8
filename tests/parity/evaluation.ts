/** Linear evaluation and nearest neighbours against PyTorch's, on the features that a real evaluation made. */

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { NORMALISATION, PROBE_TRANSFORMS } from "../../src/recipes/views.ts";
import { evaluate } from "../../src/evaluate/linear.ts";
import { KNN } from "../../src/recipes/neighbours.ts";
import { Dataset } from "../../src/native/dataset.ts";
import { Learner } from "../../src/native/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { setThreads } from "../../src/native/core.ts";
import { Probe } from "../../src/native/probe.ts";
import { askOracle, type OracleReport, type ParityCheck } from "./oracle.ts";
import { concatenate, type HostTensor, readTensors, writeTensors } from "./safetensors.ts";

/** An evaluation to recompute. */
export interface EvaluationCase {
  dtype: "float32" | "float64";
  trainImages: number;
  testImages: number;
  /** Of the probe. */
  epochs: number;
  /** Of the probe, in images. */
  batchSize: number;
}

/** The comparisons of evaluations: what the tests run, and what the bench runs. */
export const EVALUATION_CHECKS: { short: ParityCheck[]; long: ParityCheck[] } = {
  // One in a thousand images may differ in float32: fewer than 1,000 would make that none.
  short: [
    evaluationCheck({
      ...{ dtype: "float64", trainImages: 250, testImages: 130, epochs: 3, batchSize: 64 },
    }),
    evaluationCheck({
      ...{ dtype: "float32", trainImages: 300, testImages: 1000, epochs: 2, batchSize: 128 },
    }),
  ],
  long: (["float64", "float32"] as const).map((dtype) =>
    evaluationCheck({ dtype, trainImages: 2000, testImages: 1000, epochs: 10, batchSize: 256 })
  ),
};

const CLASSES = 10;
const SEED = 5;
const LEARNING_RATE = 0.2;
const DECAY = { momentum: 0.9, weightDecay: 1e-4 };

function evaluationCheck(options: EvaluationCase): ParityCheck {
  const { dtype, trainImages, testImages, epochs } = options;
  return {
    name: "the linear probe and the nearest neighbours are PyTorch's: " +
      `${dtype}, ${trainImages} + ${testImages} images, ${epochs} epochs`,
    // Weight, bias, predictions, top-5, two accuracies; scores, ties, predictions, accuracy.
    least: 10,
    run: () => compareEvaluation(options),
  };
}

/** Lets the program evaluate a network, keeps the features of every batch, and lets PyTorch do the rest anew. */
async function compareEvaluation(options: EvaluationCase): Promise<OracleReport[]> {
  setThreads(1);
  const { dtype, epochs, batchSize } = options;
  const folder = await Deno.makeTempDir({ prefix: "byol-evaluation-" });
  try {
    using train = open(options, true);
    using test = open(options, false);
    using learner = Learner.create({
      ...{ resnetType: "resnet20", stem: "cifar", hiddenDim: 16, zDim: 8 },
      ...{ bnViews: "joint", larsVariant: "reference", dtype, seed: SEED },
    });
    const digest = (): string => {
      const path = join(folder, "state.safetensors");
      learner.save(path, {});
      return describeCheckpoint(path).sha256;
    };
    const before = digest();

    const file = join(folder, "batch.safetensors");
    const kept: Record<"bank" | "neighbours" | "probe" | "test", Record<string, HostTensor>[]> = {
      ...{ bank: [], neighbours: [], probe: [], test: [] },
    };
    const transforms = PROBE_TRANSFORMS.demo;
    const probeOptions = { features: learner.features(), classes: CLASSES, dtype, seed: SEED };
    const settings = {
      learningRate: LEARNING_RATE,
      seed: SEED,
      dtype,
      transforms,
      epochs,
      batchSize,
      ...DECAY,
      augment: true,
      sweep: false,
    };
    const found = await evaluate({ learner, train, test, byClass: true }, settings, (_done, at) => {
      if (at.stage === "bank") learner.writeEmbeddings(train, file);
      if (at.stage === "neighbours") at.bank.writeAnswers(learner, test, { ...KNN, path: file });
      if (at.stage === "probe") learner.writeEmbeddings(train, file);
      if (at.stage === "test") at.probe.writeAnswers(learner, test, file);
      kept[at.stage].push(readTensors(file));
    });
    equal(digest(), before, "evaluation changed the networks");

    // Where the probe began: one of the same seed that no step has moved.
    test.makeCenterCrops(0, 1);
    using fresh = Probe.create({ ...probeOptions, ...DECAY });
    fresh.writeAnswers(learner, test, file);
    const { weight, bias } = readTensors(file) as { weight: HostTensor; bias: HostTensor };

    const all = (stage: keyof typeof kept, name: string): HostTensor =>
      concatenate(kept[stage].map((batch) => batch[name] as HostTensor));
    const sizes = kept.probe.map(({ labels }) => labels!.shape[0]!);
    requireWholeEpochs(options, {
      sizes,
      labels: all("probe", "labels"),
      bank: all("bank", "labels"),
    });
    const linear = join(folder, "linear.safetensors");
    const last = kept.test.at(-1)!;
    const top5 = all("test", "top5");
    const first = (top5.values as BigInt64Array<ArrayBuffer>).filter((_, index) => index % 5 === 0);
    deepEqual(
      found?.confusion,
      confusionOfAnswers(all("test", "labels").values as BigInt64Array, first),
    );
    writeTensors(linear, {
      features: all("probe", "features"),
      labels: all("probe", "labels"),
      order: int64(sizes.reduce((sum, size) => sum + size, 0), (index) => index),
      sizes: int64(sizes.length, (index) => sizes[index]!),
      lrs: float64(sizes.length, (step) => probeRate(step, sizes.length)),
      "init.weight": weight,
      "init.bias": bias,
      weight: last.weight!,
      bias: last.bias!,
      "test.features": all("test", "features"),
      "test.labels": all("test", "labels"),
      "test.predictions": { shape: [first.length], values: first },
      "test.top5": top5,
    }, { ...DECAY, top1: found?.top1, top5: found?.top5 });

    const neighbours = join(folder, "neighbours.safetensors");
    const scores = all("neighbours", "scores");
    writeTensors(neighbours, {
      "train.features": all("bank", "features"),
      "train.labels": all("bank", "labels"),
      "test.features": all("neighbours", "features"),
      "test.labels": all("neighbours", "labels"),
      predictions: likeliest(scores),
      scores,
    }, { ...KNN, classes: CLASSES, top1: found?.knn_top1 });
    return [
      await askOracle("probe.py", ["linear", linear]),
      await askOracle("probe.py", ["knn", neighbours]),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Counts answers by true class and by answer, one image after another. */
function confusionOfAnswers(labels: BigInt64Array, answers: BigInt64Array): number[][] {
  const counts = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  labels.forEach((label, at) => counts[Number(label)]![Number(answers[at])]!++);
  return counts;
}

function open({ dtype, trainImages, testImages }: EvaluationCase, train: boolean): Dataset {
  return Dataset.open({
    source: { kind: "demo", train, count: train ? trainImages : testImages },
    dtype,
    workers: 1,
    normalisation: NORMALISATION.demo,
  });
}

/** Every epoch of the probe has each image once: as many of each class as the bank, which goes through them once. */
function requireWholeEpochs(
  { trainImages, epochs, batchSize }: EvaluationCase,
  { sizes, labels, bank }: { sizes: number[]; labels: HostTensor; bank: HostTensor },
): void {
  const steps = Math.ceil(trainImages / batchSize);
  equal(sizes.length, epochs * steps);
  const sorted = ({ values }: HostTensor, start: number): number[] =>
    [...values.slice(start, start + trainImages)].map(Number).sort();
  for (let epoch = 0; epoch < epochs; epoch++) {
    deepEqual(sorted(labels, epoch * trainImages), sorted(bank, 0));
  }
}

/** The published rate of the probe, written out again: a cosine from 0.2 to 1e-4, step by step. */
function probeRate(step: number, steps: number): number {
  return 1e-4 + (LEARNING_RATE - 1e-4) * (1 + Math.cos(Math.PI * step / steps)) / 2;
}

function likeliest({ shape: [rows = 0, classes = 0], values }: HostTensor): HostTensor {
  const scores = values as Float64Array<ArrayBuffer>;
  return int64(rows, (row) => {
    const mine = scores.subarray(row * classes, (row + 1) * classes);
    return mine.indexOf(Math.max(...mine));
  });
}

function int64(count: number, value: (index: number) => number): HostTensor {
  return { shape: [count], values: BigInt64Array.from(range(count), (i) => BigInt(value(i))) };
}

function float64(count: number, value: (index: number) => number): HostTensor {
  return { shape: [count], values: Float64Array.from(range(count), value) };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
