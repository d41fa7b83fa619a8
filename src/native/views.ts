/** Views for another program to recompute: made by the code that trains, used by no run. */

import type { ViewRecipe } from "../recipes/views.ts";
import { call, callText, json } from "./call.ts";

/** Parameters of all operations of one view. */
export interface ViewParameters {
  /** The crop box, in pixels of the image. */
  top: number;
  /** Distance from the left edge. */
  left: number;
  /** Of the box. */
  height: number;
  /** Of the box. */
  width: number;
  /** True where left and right are exchanged. */
  flip: boolean;
  /** Factors of the colour jitter, and the order of the operations: 0 brightness, 1 contrast, 2 saturation, 3 hue. */
  jitter: {
    order: [number, number, number, number];
    brightness: number;
    contrast: number;
    saturation: number;
    hue: number;
  } | null;
  /** True where the view is gray. */
  grayscale: boolean;
  /** Standard deviation, in pixels of the view. */
  blurSigma: number | null;
  /** Threshold in [0, 1] from which values are inverted. */
  solarize: number | null;
}

/** One view to render: a training view, or the test transform. */
export type ViewCase =
  & { name: string; /** Position in the file of images. */ image: number }
  & ({ parameters: ViewParameters } | { resize: number });

/** Views to render, all of one size. */
export interface ViewCases {
  /** Side of the views, in pixels. */
  cropSize: number;
  /** Side of the blur's kernel, in pixels. */
  blurKernel: number;
  /** Means of the normalisation; null with `std`: the views stay in [0, 1]. */
  mean: readonly number[] | null;
  /** Standard deviations that the channels are divided by. */
  std: readonly number[] | null;
  /** The views. */
  cases: ViewCase[];
}

/** Renders the cases on the images of a safetensors file, to `views` of the file at `path`. */
export function renderViews(
  cases: ViewCases,
  { images, path }: { images: string; path: string },
): void {
  call("byol_views_render", json({ ...cases, images, path }));
}

/** Options of drawing parameters. */
export interface SampleOptions {
  seed: number;
  step: number;
  /** Number of the view: 0 and 1 are the training views, 2 is the probe's. */
  view: number;
  /** One draw for each of the samples 0 … count − 1. */
  count: number;
  /** Of the images. */
  height: number;
  width: number;
}

/** Draws parameters with a recipe and writes them to a file, one JSON object a line. */
export function sampleViews(recipe: ViewRecipe, path: string, options: SampleOptions): void {
  call("byol_views_sample", json({ recipe, path, ...options }));
}

/** A file's pixels in short, or the reason why it cannot be decoded. */
export type DecodedFile =
  | { width: number; height: number; crc32: number; bits: number }
  | { problem: string };

/** Files to decode. */
export interface FilesToDecode {
  /** Their paths. */
  files: readonly string[];
  /** True to decode JPEG files by the core's own decoder, although this process has libjpeg-turbo. */
  own: boolean;
  /** True to keep all bits of images of 16 bits; by default the high byte is taken. */
  keepsBits?: boolean;
  /**
   * The folder that the pixels go to: those of file `n` as `n.rgb`, three bytes each, or three little-endian numbers of 16
   * bits, unless they are more than 16 MiB.
   */
  folder: string;
}

/** Decodes image files as training decodes them. */
export function decodeFiles({ keepsBits = false, ...options }: FilesToDecode): DecodedFile[] {
  return JSON.parse(callText("byol_photos_decode", json({ ...options, keepsBits })));
}
