/**
 * A random sample of a data set's images, in an order fixed by a seed: embeddings and labels of the first images, and
 * pictures of single images.
 *
 * The Rust core has no call for a single image by its index. Its probe's batches at one seed have the same order as the
 * training's views at the bitwise complement of the seed (`probe_batch` of the core's data set). The sample takes
 * embeddings and labels from the probe's batches, and pictures from the training's views;
 * tests/unit/report/main_test.ts checks that both show the same images.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { decode, encode } from "fast-png";
import { type ProbeTransforms, wholeImage } from "../recipes/views.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { readTensors } from "../base/safetensors.ts";

/** Embeddings and labels of images, in the order of the sample. */
export interface Embedded {
  features: number[][];
  labels: number[];
}

/** Two seeds that are bitwise complements in 64 bits, both exact in float64. */
const VIEW_SEED = 2 ** 11 - 1;
const PROBE_SEED = 2 ** 64 - 2 ** 11;
const BATCH = 64;
/** Largest side of a picture, in pixels. */
const PICTURE_SIDE = 96;
/** Margin of a contact sheet around its views, in pixels, as the Rust core draws it. */
const SHEET_MARGIN = 10;

/**
 * Embeds the first images of the sample: their center squares at the side of the training view. An unusable photo is
 * replaced by the next usable one, here as in pictureAt.
 *
 * @param options.file path of a temporary file, which is overwritten with each batch
 */
export async function embedFirst(
  dataset: Dataset,
  wanted: number,
  { learner, transforms, file }: { learner: Learner; transforms: ProbeTransforms; file: string },
): Promise<Embedded> {
  const count = Math.min(wanted, dataset.describe().count);
  const found: Embedded = { features: [], labels: [] };
  dataset.setProbe(BATCH, { ...transforms, train: wholeImage(transforms.train) });
  for (let step = 0; found.labels.length < count; step++) {
    dataset.makeProbeBatch(PROBE_SEED, step);
    learner.writeEmbeddings(dataset, file);
    const tensors = readTensors(file);
    const { shape: [, width = 0], values } = tensors.get("features")!;
    const features = Array.from(values as Float64Array, Number);
    const labels = Array.from(tensors.get("labels")!.values as BigInt64Array, Number)
      .slice(0, count - found.labels.length);
    for (const [at, label] of labels.entries()) {
      found.features.push(features.slice(at * width, (at + 1) * width));
      found.labels.push(label);
    }
    await yieldToEvents();
  }
  return found;
}

/** Returns the center square of the image at a place in the sample, as a PNG of at most PICTURE_SIDE pixels. */
export function pictureAt(
  dataset: Dataset,
  place: number,
  { transforms, file }: { transforms: ProbeTransforms; file: string },
): Uint8Array {
  const whole = wholeImage(transforms.train);
  const recipe = { ...whole, cropSize: Math.min(whole.cropSize, PICTURE_SIDE) };
  dataset.setRecipes(1, { view1: recipe, view2: recipe });
  dataset.makeViews(VIEW_SEED, place);
  const path = join(dirname(file), "sheet.png");
  dataset.writeSheet(path);
  const sheet = decode(Deno.readFileSync(path));
  const side = sheet.height - 2 * SHEET_MARGIN;
  const data = new Uint8Array(side * side * 3);
  for (let row = 0; row < side; row++) {
    const from = ((row + SHEET_MARGIN) * sheet.width + SHEET_MARGIN) * 3;
    data.set(sheet.data.subarray(from, from + side * 3), row * side * 3);
  }
  return encode({ width: side, height: side, data, channels: 3, depth: 8 });
}
