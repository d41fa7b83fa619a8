import type { Normalisation, ProbeTransforms, ViewPair } from "../recipes/views.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { NativeObject } from "./handle.ts";
import type { ViewCases } from "./views.ts";
import type { Learner } from "./learner.ts";
import { call, callNumbers, callText, callU32, json } from "./call.ts";
import { NativeError } from "./native_error.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Source of images. */
export type DatasetSource =
  | { kind: "demo"; train: boolean; count: number }
  /** Images that a reading job holds. */
  | { kind: "read"; job: number }
  /** The files that a listing job found, a share of which may be bad; so many batches are made ahead. */
  | { kind: "photos"; job: number; mostBad: number; ahead: number };

/** Options of opening a dataset. */
export interface DatasetOptions {
  /** Source of the images. */
  source: DatasetSource;
  /** Type of the views. */
  dtype: "float32" | "float64";
  /** Device of the views: "cpu" (default) or "cuda:0". */
  device?: string;
  /** Threads that make views. */
  workers: number;
  /** Mean and standard deviation that normalise the views' channels. */
  normalisation: Normalisation;
  /** Keep the first so many images; 0, or not given, keeps all. */
  limit?: number;
}

/** Which of a dataset's images evaluation goes through: a function of these numbers and the labels alone. */
export interface SubsetOptions {
  /** Draws the images of each class. */
  seed: number;
  /** Of all images, in percent, 1 to 100: as many of each class as can be, but all that a smaller class has. */
  percent: number;
  /** Of each class's images that are taken, in percent, rounded up. */
  heldOut: number;
  /** Part of the images: those to learn from, or those held out. */
  part: "learn" | "heldOut";
}

/** Description of a dataset by the core. */
export interface DatasetDescription {
  /** Images. */
  count: number;
  /** Classes; 1 where the images have no labels. */
  classes: number;
  /** Their names, in the order of the labels. */
  classNames: string[];
  /** SHA-256 over images, then labels. */
  digest: string;
  /** Layout of the images, such as "demo", "folder" or "packed". */
  layout: string;
  /** True where every file had its official MD5. */
  verified: boolean;
  /** Warnings about the files. */
  warnings: string[];
}

/** Returns the error to throw where images were read: files that cannot be read are the user's to repair. */
function unreadable(error: unknown): unknown {
  const isFile = error instanceof NativeError && error.code === "Io";
  return isFile ? new UserError(error.message, ExitCode.data) : error;
}

/** Images held by the core, and the batch last made from them. */
export class Dataset extends NativeObject {
  /** Opens it. @throws NativeError when files are missing, truncated or not the official ones */
  static open(
    { source, normalisation, limit = 0, device = "cpu", ...options }: DatasetOptions,
  ): Dataset {
    const { mean, std } = normalisation;
    // Without a job, its handle is 0.
    const { job, ...images } = { job: 0, ...source };
    const request = json({ ...options, source: images, device, limit, mean, std });
    return new Dataset(callU32("byol_dataset_open", request, job));
  }

  /** Count, classes, digest. */
  describe(): DatasetDescription {
    return JSON.parse(callText("byol_dataset_describe", this.handle));
  }

  /** Sets batch size (images) and the recipes of both views. */
  setRecipes(batchSize: number, { view1, view2 }: ViewPair): void {
    call("byol_dataset_set_recipes", this.handle, json({ batchSize, view1, view2 }));
  }

  /** Sets batch size and transforms of linear evaluation. */
  setProbe(batchSize: number, { train, test }: ProbeTransforms): void {
    const request = json({ batchSize, train, resize: test.resize, crop: test.crop });
    call("byol_dataset_set_probe", this.handle, request);
  }

  /**
   * Makes evaluation (makeProbeBatch, makeCenterCrops, names, and the count of describe) go through some of the images, as
   * if there were no others. Replaces an earlier choice; makeViews goes through all.
   *
   * @throws NativeError where a class would have no image
   */
  takeSubset(options: SubsetOptions): void {
    call("byol_dataset_take_subset", this.handle, json(options));
  }

  /** Sets the images of a step that this process takes: its rank's share of each micro-batch. By default it takes all. */
  setShard(
    { rank, ranks, microBatches }: { rank: number; ranks: number; microBatches: number },
  ): void {
    call("byol_dataset_set_shard", this.handle, rank, ranks, microBatches);
  }

  /**
   * Starts on the views of a micro-batch to come, where images are read from files and there is room; makeViews then
   * takes them.
   *
   * @returns whether it did; else they are made when they are asked for
   */
  prefetchViews(
    { seed, step, microBatch = 0 }: { seed: number; step: number; microBatch?: number },
    { batchSize, view1, view2 }: { batchSize: number } & ViewPair,
  ): boolean {
    return callU32(
      "byol_dataset_prefetch_views",
      this.handle,
      json({ batchSize, view1, view2 }),
      BigInt(seed),
      BigInt(step),
      microBatch,
    ) === 1;
  }

  /** Images decoded so far, and image files that could not be used. */
  photoCounts(): { decoded: number; bad: number } {
    const [decoded = 0, bad = 0] = callNumbers("byol_dataset_photo_counts", 2, this.handle);
    return { decoded, bad };
  }

  /** The image files that could not be used: index and reason of each. */
  badFiles(): [index: number, reason: string][] {
    return JSON.parse(callText("byol_dataset_bad_files", this.handle));
  }

  /**
   * The names of `count` images from `start`, in the order of makeCenterCrops(): the path below the folder of the photos,
   * loose or packed; the number of the image, from 0, where images are no files of their own.
   */
  names(start: number, count: number): string[] {
    return JSON.parse(callText("byol_dataset_names", this.handle, start, count));
  }

  /** Makes both views of a micro-batch of step `step`: a function of seed, step and recipes alone. */
  makeViews(seed: number, step: number, microBatch = 0): void {
    try {
      call("byol_dataset_make_views", this.handle, BigInt(seed), BigInt(step), microBatch);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /**
   * Makes a step's views and writes one of the two, with its images, for another program to recompute.
   *
   * @returns what was done to each image
   *
   * @internal
   */
  writeViews(path: string, options: { seed: number; step: number; view: 0 | 1 }): ViewCases {
    return JSON.parse(
      callText("byol_dataset_write_views", this.handle, json({ path, ...options })),
    );
  }

  /** Draws both views of the batch as a PNG, four pairs a row. */
  writeSheet(path: string): void {
    call("byol_dataset_write_sheet", this.handle, json({ path }));
  }

  /** Makes one cropped and flipped view for a step of the probe, of this rank's share of its images. */
  makeProbeBatch(seed: number, step: number): void {
    try {
      call("byol_dataset_make_probe_batch", this.handle, BigInt(seed), BigInt(step));
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** Makes the test transform of `count` images from `start`; of none where a rank has none left. */
  makeCenterCrops(start: number, count: number): void {
    try {
      call("byol_dataset_make_center_crops", this.handle, start, count);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** Embeds the one-view batch and keeps the embeddings with it: whoever uses the batch next gets them. */
  embed(learner: Learner): void {
    call("byol_dataset_embed", this.handle, learner.handle);
  }

  /**
   * Puts all ranks' embeddings, in the order of the ranks, in the place of this rank's. All ranks must.
   *
   * @internal
   */
  gather(group: ProcessGroup): void {
    call("byol_dataset_gather", this.handle, group.handle);
  }
}
