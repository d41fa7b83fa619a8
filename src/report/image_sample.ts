/**
 * Images from all over a data set, in an order that the seed draws: embeddings and labels of the first so many, and
 * pictures of single ones.
 *
 * The core numbers no images that leave it. It draws the probe's order at a seed as the training's at the seed's
 * complement (`probe_batch` of native/src/dataset.rs), so the probe's batches give embeddings with labels, and views
 * of the same place give the picture; tests/unit/report/main_test.ts holds the two together.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { decode, encode } from "fast-png";
import type { ProbeTransforms, ViewRecipe } from "../recipes/views.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { readTensors } from "../base/safetensors.ts";

/** Embedded images, by their places in the order. */
export interface Embedded {
  features: number[][];
  labels: number[];
}

/** A pair of complements in 64 bits, both exact as numbers. */
const VIEW_SEED = 2 ** 11 - 1;
const PROBE_SEED = 2 ** 64 - 2 ** 11;
const BATCH = 64;
/** Sides of pictures, in pixels, where images are larger. */
const PICTURE_SIDE = 96;
/** Pixels around the views of a contact sheet (native/src/view_sheet.rs). */
const SHEET_MARGIN = 10;

/** The central square of an image, as it is. */
function wholeImage({ train }: ProbeTransforms): ViewRecipe {
  return { ...train, cropScale: [1, 1], cropRatio: [1, 1], flipProbability: 0 };
}

/**
 * Embeddings of the first images of the order, their central squares at the side of the test transform. For a photo
 * that cannot be used the next one stands that can, here as in its picture.
 *
 * @param options.file where the core may write; replaced with each batch
 */
export async function embedFirst(
  dataset: Dataset,
  wanted: number,
  { learner, transforms, file }: { learner: Learner; transforms: ProbeTransforms; file: string },
): Promise<Embedded> {
  const count = Math.min(wanted, dataset.describe().count);
  const found: Embedded = { features: [], labels: [] };
  dataset.setProbe(BATCH, { ...transforms, train: wholeImage(transforms) });
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

/** The image at a place of the order, its central square, as a PNG. */
export function pictureAt(
  dataset: Dataset,
  place: number,
  { transforms, file }: { transforms: ProbeTransforms; file: string },
): Uint8Array {
  const whole = wholeImage(transforms);
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
