/**
 * What a run's encoder makes of images: a map of the embeddings, neighbours, and where the online probe goes wrong.
 * This alone opens the core.
 *
 * @module
 */

import { join } from "node:path";
import { encode } from "fast-png";
import { NORMALISATION } from "../augment.ts";
import { listCheckpoints } from "../checkpoint.ts";
import { parseCommandLine, type RunConfig, thisEnvironment } from "../config.ts";
import { openData } from "../data.ts";
import { yieldToEvents } from "../event_loop.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { setThreads } from "../native/library.ts";
import { createLearner, evaluationOptions } from "../train.ts";
import { isThere } from "../views_sheet.ts";
import { dataUri } from "./data_uri.ts";
import { mapsOf, numbersOf } from "./map.ts";
import { fileOf, type RunData } from "./run_data.ts";
import { type HostTensor, readTensors } from "./tensors.ts";

/** A picture as a data URI, with its class. */
export interface Picture {
  uri: string;
  label: string;
}

/** What was seen. */
export interface EncoderLook {
  /** The file that the encoder is from. */
  checkpoint: string;
  testImages: number;
  trainImages: number;
  classNames: string[];
  labels: number[];
  pca: number[][];
  umap: number[][];
  /** Test images, each with the training images nearest to it, nearest first. */
  neighbours: { query: Picture; nearest: Picture[] }[];
  /** Share of the test images whose nearest training image is of their class, in percent. */
  nearestTop1: number;
  /** True classes against the online probe's answers; a sentence where there is no probe. */
  confusion: { counts: number[][]; top1: number } | string;
}

/** What to look at. */
export interface LookOptions {
  /** Test images; twice as many training images. */
  images: number;
  dataDir: string | undefined;
  threads: number | undefined;
  /** Hears of progress. */
  log(line: string): void;
}

const QUERIES = 8;
const NEAREST = 6;
/** Images are taken from so many places of a data set: those of photos lie class by class. */
const PLACES = 100;
const BATCH = 64;
/** Pictures are drawn no larger. */
const PICTURE_SIDE = 64;

/** @throws UserError or NativeError for what cannot be opened */
export async function lookAt(run: RunData, options: LookOptions): Promise<EncoderLook> {
  const { record } = run;
  if (record === null) throw new Error("the options of the run are unknown");
  const checkpoint = newestFile(run);
  const config = configOf(record.config, options);
  setThreads(config.threads);
  const { train, test } = await openData({ ...config, evalEveryEpochs: 1 });
  using bank = train;
  using tested = test;
  if (tested === undefined) throw new Error("there are no test images");
  using learner = createLearner(config);
  learner.loadEncoder(checkpoint);
  const { classes, classNames } = bank.describe();
  for (const dataset of [bank, tested]) {
    dataset.setProbe(BATCH, evaluationOptions(config).transforms);
  }
  const folder = await Deno.makeTempDir({ prefix: "byol-report-" });
  try {
    const look = { learner, file: join(folder, "batch.safetensors") };
    options.log(`embedding ${options.images} test images`);
    const queries = await embed(tested, options.images, look);
    options.log(`embedding ${2 * options.images} training images`);
    const known = await embed(bank, 2 * options.images, look);
    const nearest = nearestOf(queries, known);
    const right = nearest.filter(([first], at) => known.labels[first!] === queries.labels[at]);
    const draw = (dataset: Dataset, { places, labels }: Embedded, at: number): Picture => ({
      uri: pictureOf(dataset, places[at]!, { ...look, config }),
      label: classNames[labels[at]!] ?? String(labels[at]),
    });
    const shown = Array.from(
      { length: Math.min(QUERIES, queries.labels.length) },
      (_, at) => Math.floor(at * queries.labels.length / QUERIES),
    );
    options.log("drawing maps");
    return {
      checkpoint,
      testImages: queries.labels.length,
      trainImages: known.labels.length,
      classNames,
      labels: queries.labels,
      ...mapsOf(queries.features),
      neighbours: shown.map((at) => ({
        query: draw(tested, queries, at),
        nearest: nearest[at]!.slice(0, NEAREST).map((other) => draw(bank, known, other)),
      })),
      nearestTop1: 100 * right.length / nearest.length,
      confusion: confusionOf(checkpoint, queries, classes),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The newest training state, which may hold a probe, or else the encoder alone. */
function newestFile(run: RunData): string {
  let newest: string | undefined;
  try {
    newest = listCheckpoints(run.folder.checkpointsDir)[0]?.path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const encoder = fileOf(run, "encoder.safetensors");
  const found = newest ?? (isThere(encoder) ? encoder : undefined);
  if (found === undefined) {
    throw new Error(`${run.folder.path} holds no checkpoint and no encoder.safetensors`);
  }
  return found;
}

/** The run's options, with defaults for those that were not there when it ran, and this machine's own. */
function configOf(recorded: RunConfig, { dataDir, threads }: LookOptions): RunConfig {
  const defaults = parseCommandLine("train", [], thisEnvironment()).config;
  return {
    ...defaults,
    ...recorded,
    threads: threads ?? defaults.threads,
    dataDir: dataDir ?? recorded.dataDir,
    offline: true,
    stageTo: null,
  };
}

interface Embedded {
  /** Of each image, its place in the data set. */
  places: number[];
  features: number[][];
  labels: number[];
}

/** Embeddings of images from all over a data set. */
async function embed(
  dataset: Dataset,
  wanted: number,
  { learner, file }: { learner: Learner; file: string },
): Promise<Embedded> {
  const { count } = dataset.describe();
  const found: Embedded = { places: [], features: [], labels: [] };
  const pieces = wanted >= count ? 1 : Math.min(PLACES, wanted);
  const size = Math.min(count, wanted) / pieces;
  // Places at equal distances may all be of one class, where classes take turns.
  const random = numbersOf(0);
  for (let piece = 0; piece < pieces; piece++) {
    const slack = Math.max(0, count / pieces - Math.round(size));
    const first = Math.floor(piece * count / pieces + slack * random());
    const end = Math.min(count, first + Math.round(size));
    for (let start = first; start < end; start += BATCH) {
      const length = Math.min(BATCH, end - start);
      dataset.makeCentered(start, length);
      learner.writeEmbeddings(dataset, file);
      const { features, labels } = batchIn(file);
      // Files that cannot be used leave fewer.
      for (const [at, label] of labels.values.entries()) {
        const width = features.shape[1]!;
        found.features.push(features.values.slice(at * width, (at + 1) * width));
        found.labels.push(label);
        found.places.push(start + at);
      }
      await yieldToEvents();
    }
  }
  return found;
}

function batchIn(file: string): Record<"features" | "labels" | "images", HostTensor> {
  return Object.fromEntries(readTensors(file)) as Record<string, HostTensor> as never;
}

/** For each query the places of the nearest by cosine, nearest first. */
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

function confusionOf(
  checkpoint: string,
  { features, labels }: Embedded,
  classes: number,
): EncoderLook["confusion"] {
  const [weightName, biasName] = ["online_probe.weight", "online_probe.bias"] as const;
  const tensors = readTensors(checkpoint, [weightName, biasName]);
  const [weight, bias] = [tensors.get(weightName), tensors.get(biasName)];
  if (weight === undefined || bias === undefined) {
    return `${checkpoint} holds no online probe (--online_probe): no confusion matrix`;
  }
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let right = 0;
  for (const [at, row] of features.entries()) {
    let [best, highest] = [0, -Infinity];
    for (let answer = 0; answer < classes; answer++) {
      let logit = bias.values[answer]!;
      const from = answer * row.length;
      for (let index = 0; index < row.length; index++) {
        logit += weight.values[from + index]! * row[index]!;
      }
      if (logit > highest) [best, highest] = [answer, logit];
    }
    const truth = labels[at]!;
    counts[truth]![best]!++;
    if (truth === best) right++;
  }
  return { counts, top1: 100 * right / labels.length };
}

/** An image as the encoder sees it, its normalisation undone, as a PNG of at most PICTURE_SIDE. */
function pictureOf(
  dataset: Dataset,
  place: number,
  { learner, file, config }: { learner: Learner; file: string; config: RunConfig },
): string {
  dataset.makeCentered(place, 1);
  learner.writeEmbeddings(dataset, file, { images: true });
  const { images } = batchIn(file);
  const [, , height = 0, width = 0] = images.shape;
  const { mean, std } = NORMALISATION[config.datasetName];
  const stride = Math.max(1, Math.ceil(Math.max(height, width) / PICTURE_SIDE));
  const [rows, columns] = [Math.floor(height / stride), Math.floor(width / stride)];
  const data = new Uint8Array(rows * columns * 3);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let dy = 0; dy < stride; dy++) {
          for (let dx = 0; dx < stride; dx++) {
            const at = (channel * height + y * stride + dy) * width + x * stride + dx;
            sum += images.values[at]!;
          }
        }
        const value = sum / stride ** 2 * std[channel]! + mean[channel]!;
        data[(y * columns + x) * 3 + channel] = Math.max(0, Math.min(255, Math.round(255 * value)));
      }
    }
  }
  return dataUri(
    "image/png",
    encode({ width: columns, height: rows, data, channels: 3, depth: 8 }),
  );
}
