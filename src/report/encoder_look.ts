/**
 * Analysis of a run's encoder for a report: maps of the embeddings, nearest neighbours, and the confusion matrix. Only
 * this part of a report needs the Rust core.
 *
 * @module
 */

import { join } from "node:path";
import { weightsFileOf } from "../run/checkpoint.ts";
import { OPTIONS } from "../options/table.ts";
import type { RunConfig } from "../options/config.ts";
import { thisEnvironment } from "../options/environment.ts";
import { openData } from "../data/open.ts";
import type { Dataset } from "../native/dataset.ts";
import { setThreads } from "../native/core.ts";
import { removeTree } from "../base/files.ts";
import { createLearner } from "../encoder/learner.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { dataUri } from "./data_uri.ts";
import { type Embedded, embedFirst, pictureAt } from "./image_sample.ts";
import { mapsOf } from "./map.ts";
import { answersOf } from "./probe_look.ts";
import type { RunData } from "./run_data.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";

/** A picture as a data URI, with its class. */
export interface Picture {
  uri: string;
  label: string;
}

/** Results of the analysis of an encoder. */
export interface EncoderLook {
  /** Path of the encoder's file. */
  checkpoint: string;
  /** Number of test images. */
  testImages: number;
  /** Number of training images. */
  trainImages: number;
  classNames: string[];
  /** Labels of the test images. */
  labels: number[];
  /** Coordinates of the test images in the map by principal components. */
  pca: number[][];
  /** Coordinates of the test images in the map by UMAP. */
  umap: number[][];
  /** Some test images, each with its nearest training images, nearest first. */
  neighbours: { query: Picture; nearest: Picture[] }[];
  /** Share of the test images whose nearest training image has the same class, in percent. */
  nearestTop1: number;
  /** Counts of test images by true class (rows) and predicted class (columns). */
  confusion: number[][];
  /** Description of the confusion matrix's classifier, for a caption (`by`) and for a title (`name`). */
  confusionBy: { by: string; name: string };
}

/** Options of lookAt. */
export interface LookOptions {
  /** Largest number of test images; twice as many training images are used. */
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
  const config = configOf(record.config, options);
  setThreads(config.threads);
  const { train, test } = await openData(config, { splits: "train and test" });
  using bank = train;
  using tested = test;
  if (tested === undefined) throw new UserError("there are no test images", ExitCode.runFolder);
  using learner = createLearner(config);
  learner.loadEncoder(checkpoint);
  const { classes, classNames } = bank.describe();
  const { transforms } = evaluationOptions(config);
  const folder = await Deno.makeTempDir({ prefix: "byol-report-" });
  try {
    const look = { learner, transforms, file: join(folder, "batch.safetensors") };
    options.log(`embedding at most ${options.images} test images`);
    const queries = await embedFirst(tested, options.images, look);
    options.log(`embedding at most ${2 * options.images} training images`);
    const known = await embedFirst(bank, 2 * options.images, look);
    requireFinite(checkpoint, [queries, known]);
    const nearest = nearestOf(queries, known);
    const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    const first = nearest.map(([place]) => place!);
    const answers = answersOf(run, { checkpoint, classes, queries, known, nearest: first });
    for (const [at, label] of queries.labels.entries()) {
      confusion[label]![answers.classes[at]!]!++;
    }
    const right = queries.labels.filter((label, at) => known.labels[first[at]!] === label).length;
    options.log("drawing maps and pictures");
    const draw = (dataset: Dataset, { labels }: Embedded, place: number): Picture => ({
      uri: dataUri("image/png", pictureAt(dataset, place, look)),
      label: classNames[labels[place]!] ?? String(labels[place]),
    });
    return {
      checkpoint,
      testImages: queries.labels.length,
      trainImages: known.labels.length,
      classNames,
      labels: queries.labels,
      ...mapsOf(queries.features),
      neighbours: nearest.slice(0, QUERIES).map((others, place) => ({
        query: draw(tested, queries, place),
        nearest: others.map((other) => draw(bank, known, other)),
      })),
      nearestTop1: 100 * right / queries.labels.length,
      confusion,
      confusionBy: answers,
    };
  } finally {
    await removeTree(folder);
  }
}

/** Returns the run's options, adapted to this machine. */
function configOf(recorded: RunConfig, { dataDir, threads }: LookOptions): RunConfig {
  return {
    ...recorded,
    threads: threads ?? thisEnvironment().cores,
    nbWorkers: OPTIONS.nbWorkers.default,
    dataDir: dataDir ?? recorded.dataDir,
    offline: true,
    stageTo: null,
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
