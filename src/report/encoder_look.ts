/**
 * Analysis of a run's encoder for a report: maps of the embeddings, nearest neighbours, and the confusion matrix. Only
 * this part of a report needs the Rust core.
 *
 * @module
 */

import { join } from "node:path";
import { weightsFileOf } from "../run/checkpoint.ts";
import type { RunRecord } from "../run/record.ts";
import { OPTIONS } from "../options/table.ts";
import { isGiven, type RunConfig } from "../options/config.ts";
import { environmentOfOne } from "../options/environment.ts";
import { openData, splitsOfTraining } from "../data/open.ts";
import type { Dataset } from "../native/dataset.ts";
import { setThreads } from "../native/core.ts";
import { removeTree } from "../base/files.ts";
import { createLearner } from "../encoder/learner.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { inWords } from "./class_names.ts";
import { dataUri } from "./data_uri.ts";
import { type Embedded, embedFirst, pictureAt } from "./image_sample.ts";
import { mapsOf } from "./map.ts";
import { answersOf, type ProbeLook } from "./probe_look.ts";
import type { RunData } from "./run_data.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { makeTemporaryFolder } from "../base/temporary.ts";

/** A picture as a data URI, with its class. */
export interface Picture {
  uri: string;
  label: string;
}

/** Results of the analysis of an encoder. */
export interface EncoderLook {
  /** Path of the encoder's file. */
  checkpoint: string;
  /** Split of the images that are looked at: held-out or training images where there are no test images. */
  split: "test" | "held-out" | "training";
  /** Number of images that are looked at. */
  images: number;
  /** Number of training images that their neighbours are searched among. */
  trainImages: number;
  classNames: string[];
  /** Labels of the images. */
  labels: number[];
  /** Coordinates of the images in the map by principal components. */
  pca: number[][];
  /** Coordinates of the images in the map by UMAP. */
  umap: number[][];
  /** Some images, each with its nearest training images, nearest first. */
  neighbours: { query: Picture; nearest: Picture[] }[];
  /** Predictions of the classes; undefined where all images have the same label or none. */
  answers: ClassAnswers | undefined;
}

/** Predicted classes of images beside their labels. */
export interface ClassAnswers {
  /** Share of the images whose nearest training image has the same class, in percent. */
  nearestTop1: number;
  /** Counts of images by true class (rows) and predicted class (columns). */
  confusion: number[][];
  /** Name of the classifier, for a caption. */
  by: string;
  /** Short name of the classifier, for a title. */
  name: string;
}

/** Options of lookAt. */
export interface LookOptions {
  /** Largest number of images to look at; twice as many training images are used. */
  images: number;
  /** Folder of the images; by default the one in the run's record. */
  dataDir: string | undefined;
  /** Threads; by default all cores. */
  threads: number | undefined;
  /** Shows a line of progress. */
  log(line: string): void;
}

const QUERIES = 8;
const NEAREST = 6;

/**
 * Analyses the encoder of a run.
 *
 * @throws UserError or NativeError where the record, the images or the encoder are missing or cannot be read
 */
export async function lookAt(run: RunData, options: LookOptions): Promise<EncoderLook> {
  const { record } = run;
  if (record === null) {
    throw new UserError("the options of the run are unknown", ExitCode.runFolder);
  }
  const checkpoint = weightsFileOf(run.folder.path);
  const config = configOf(record, options);
  setThreads(config.threads);
  // Photos that a run never evaluates on may have no test images.
  const opened = await openData(config, { splits: splitsOfTraining(config) });
  using bank = opened.train;
  using test = opened.test;
  using heldOut = opened.heldOut;
  const tested = test ?? heldOut;
  using learner = createLearner(config);
  learner.loadEncoder(checkpoint);
  const { classes, classNames: folders } = bank.describe();
  const classNames = inWords(folders);
  const { transforms } = evaluationOptions(config);
  const folder = await makeTemporaryFolder("byol-report-");
  try {
    const look = { learner, transforms, file: join(folder, "batch.safetensors") };
    const { queries, known, knownFrom } = await embedSample({ bank, tested, look }, options);
    requireFinite(checkpoint, [queries, known]);
    const nearest = nearestOf(queries, known);
    const first = nearest.map(([place]) => place!);
    options.log("drawing maps and pictures");
    const draw = (dataset: Dataset, place: number, label: number): Picture => ({
      uri: dataUri("image/png", pictureAt(dataset, place, look)),
      label: classes > 1 ? classNames[label] ?? String(label) : "",
    });
    return {
      checkpoint,
      split: test !== undefined ? "test" : heldOut !== undefined ? "held-out" : "training",
      images: queries.labels.length,
      trainImages: known.labels.length,
      classNames,
      labels: queries.labels,
      ...mapsOf(queries.features),
      neighbours: nearest.slice(0, QUERIES).map((others, place) => ({
        query: draw(tested ?? bank, place, queries.labels[place]!),
        nearest: others.map((other) => draw(bank, knownFrom + other, known.labels[other]!)),
      })),
      answers: classes > 1
        ? classAnswers(run, { checkpoint, classes, queries, known, nearest: first })
        : undefined,
    };
  } finally {
    await removeTree(folder);
  }
}

/**
 * Embeds the images to look at and the training images beside them. Without test images, both are training images, and
 * `knownFrom` is the place of the first of the others in the sample.
 */
async function embedSample(
  { bank, tested, look }: {
    bank: Dataset;
    tested: Dataset | undefined;
    look: Parameters<typeof embedFirst>[2];
  },
  { images, log }: LookOptions,
): Promise<{ queries: Embedded; known: Embedded; knownFrom: number }> {
  if (tested !== undefined) {
    log(`embedding at most ${images} images to test on`);
    const queries = await embedFirst(tested, images, look);
    log(`embedding at most ${2 * images} training images`);
    return { queries, known: await embedFirst(bank, 2 * images, look), knownFrom: 0 };
  }
  log(`embedding at most ${3 * images} training images: there are no test images`);
  const { features, labels } = await embedFirst(bank, 3 * images, look);
  const knownFrom = Math.ceil(labels.length / 3);
  return {
    queries: { features: features.slice(0, knownFrom), labels: labels.slice(0, knownFrom) },
    known: { features: features.slice(knownFrom), labels: labels.slice(knownFrom) },
    knownFrom,
  };
}

function classAnswers(run: RunData, look: ProbeLook): ClassAnswers {
  const { classes, queries, known, nearest } = look;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const { classes: found, by, name } = answersOf(run, look);
  for (const [at, label] of queries.labels.entries()) confusion[label]![found[at]!]!++;
  const right = queries.labels.filter((label, at) => known.labels[nearest[at]!] === label).length;
  return { nearestTop1: 100 * right / queries.labels.length, confusion, by, name };
}

/** Returns the run's options, adapted to this machine. */
function configOf(
  { config: recorded, origins }: RunRecord,
  { dataDir, threads }: LookOptions,
): RunConfig {
  return {
    ...recorded,
    threads: threads ?? environmentOfOne().cores,
    nbWorkers: OPTIONS.nbWorkers.default,
    dataDir: dataDir ?? recorded.dataDir,
    offline: true,
    stageTo: null,
    // Earlier versions recorded a default that few folders can keep to.
    maxBadFraction: isGiven(origins.maxBadFraction) ? recorded.maxBadFraction : null,
    // A report must work on every machine: on the CPU, without bf16.
    hardware: "cpu",
    precision: "normal",
  };
}

/** Refuses embeddings that are not finite, for which the search for principal components would never end. */
function requireFinite(checkpoint: string, embedded: readonly Embedded[]): void {
  const isFinite = embedded.every(({ features }) =>
    features.every((row) => row.every(Number.isFinite))
  );
  if (!isFinite) {
    throw new UserError(`the embeddings by ${checkpoint} are not finite`, ExitCode.runFolder);
  }
}

/** Returns for each query the indices of the nearest images by cosine similarity, nearest first. */
function nearestOf(queries: Embedded, known: Embedded): number[][] {
  const bank = known.features.map(normalised);
  return queries.features.map((row) => {
    const query = normalised(row);
    const cosines = bank.map((other) => {
      let sum = 0;
      for (let at = 0; at < query.length; at++) sum += query[at]! * other[at]!;
      return sum;
    });
    return cosines.map((_, at) => at).sort((a, b) => cosines[b]! - cosines[a]!).slice(0, NEAREST);
  });
}

function normalised(row: readonly number[]): Float64Array {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Float64Array.from(row, (value) => value / norm);
}
