import type { HoldOut } from "../recipes/hold_out.ts";
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
  /** Images that a job of kind "read" has loaded. */
  | { kind: "read"; job: number }
  /** Files of a "list", "files" or "open" job; `mostBad` is the share that may be unusable, by default (null) the larger of 1 %
   * and 8 files, at most a tenth; `ahead` the batches to prefetch; labels are numbers of `classes`, or of the images' own
   * classes. */
  | {
    kind: "photos";
    job: number;
    mostBad: number | null;
    ahead: number;
    classes?: readonly string[];
  };

/** Options of Dataset.open. */
export interface DatasetOptions {
  /** Source of the images. */
  source: DatasetSource;
  /** Type of the views. */
  dtype: "float32" | "float64";
  /** Device of the views, such as "cuda:0"; "cpu" by default. */
  device?: string;
  /** Number of threads that make views. */
  workers: number;
  /** Mean and standard deviation that normalise the views' channels, and the range of photos of 16 bits. */
  normalisation: Normalisation;
}

/** Subset of images for evaluation, which depends only on these options and the labels. */
export interface SubsetOptions {
  /** Seed of the choice of images. */
  seed: number;
  /** Percentage of all images to take, 1 to 100: equally many of each class, or all images of a smaller class. */
  percent: number;
  /** Percentage of each class's taken images that are held out, rounded up. */
  heldOut: number;
  /** Part of the subset: the images to learn from, or the held-out ones. */
  part: "learn" | "heldOut";
}

/** Description of a dataset. */
export interface DatasetDescription {
  /** Number of images. */
  count: number;
  /** Number of classes; 1 for images without labels. */
  classes: number;
  /** Names of the classes, in the order of the labels. */
  classNames: string[];
  /** SHA-256 over images, then labels, in hex. */
  digest: string;
  /** Layout of the images, such as "demo", "folder" or "packed". */
  layout: string;
  /** Rule by which limit() has chosen images; absent where the data set keeps all. */
  limit?: "first" | "share";
  /** Number of images that holdOut() has taken out; absent where it was not called. */
  heldOut?: number;
  /** True where every file had its official MD5; null where there is none to compare with. */
  verified: boolean | null;
  /** Warnings about the files. */
  warnings: string[];
  /** Images found, and entries that were left out beside them: of each kind the number, and the most frequent names. */
  found: {
    /** The folder, manifest or file that holds the images. */
    place: string;
    /** Number of images, before a limit. */
    images: number;
    /** Number of classes. */
    classes: number;
    /** Files of suffixes that are not read, by suffix. */
    unread?: { count: number; names: [name: string, count: number][] };
    /** Images beside class folders, by name. */
    beside?: { count: number; names: [name: string, count: number][] };
    /** Hidden folders and folders of systems, by name. */
    folders?: { count: number; names: [name: string, count: number][] };
    /** Hidden files, by name. */
    hidden?: { count: number; names: [name: string, count: number][] };
    /** Pipes, sockets and devices that are named as images, and links to them, by path. */
    special?: { count: number; names: [name: string, count: number][] };
    /** Number of images that could not be packed. */
    unpacked?: number;
    /** Path of an image whose path holds a line end. */
    lineEnd?: string;
  };
}

/** Images found, and what was left out beside them. */
export type FoundImages = DatasetDescription["found"];

/** Returns the error to throw after the reading of images: a UserError (data) for files that cannot be read. */
function unreadable(error: unknown): unknown {
  const isFile = error instanceof NativeError && error.code === "Io";
  return isFile ? new UserError(error.message, ExitCode.data) : error;
}

/** Images held by the core, and the batch last made from them. */
export class Dataset extends NativeObject {
  /** Opens a dataset. @throws NativeError when files are missing, truncated or differ from the official ones */
  static open(
    { source, normalisation, device = "cpu", ...options }: DatasetOptions,
  ): Dataset {
    const { mean, std, range } = normalisation;
    // Without a job, its handle is 0.
    const { job, ...given } = { job: 0, ...source };
    const images = given.kind === "photos" && range !== undefined ? { ...given, range } : given;
    const request = json({ ...options, source: images, device, mean, std });
    return new Dataset(callU32("byol_dataset_open", request, job));
  }

  /**
   * Keeps `count` of the images, as if there were no others; the digest stays that of all. To be called before any
   * batch is made.
   *
   * @param options.rule "first" for the first images; "share" for as large a share of each class of photos, of a class
   * those whose names have the smallest SHA-256
   * @throws NativeError where there are fewer images
   */
  limit(options: { count: number; rule: "first" | "share" }): void {
    call("byol_dataset_limit", this.handle, json(options));
  }

  /**
   * Takes images out of the dataset: of images in memory the last ones, of photos the percentage of each class whose
   * names have the smallest SHA-256 (native/src/data/hold_out.rs). The digest of both stays that of all images. To be
   * called before limit() and before any batch is made.
   *
   * @returns the images taken out, which the caller closes
   * @throws NativeError where none would be taken out or none left, and for a number of photos
   */
  holdOut(amount: HoldOut): Dataset {
    return new Dataset(callU32("byol_dataset_hold_out", this.handle, json(amount)));
  }

  /** Returns the description of the dataset. */
  describe(): DatasetDescription {
    return JSON.parse(callText("byol_dataset_describe", this.handle));
  }

  /** Sets batch size (images) and the recipes of both views, and of a third one for the rotation auxiliary. */
  setRecipes(batchSize: number, { view1, view2, view3 }: ViewPair): void {
    call("byol_dataset_set_recipes", this.handle, json({ batchSize, view1, view2, view3 }));
  }

  /** Sets batch size and transforms of linear evaluation. */
  setProbe(batchSize: number, { train, test }: ProbeTransforms): void {
    const request = json({ batchSize, train, resize: test.resize, crop: test.crop });
    call("byol_dataset_set_probe", this.handle, request);
  }

  /**
   * Restricts evaluation (makeProbeBatch, makeCenterCrops, names, and the count of describe) to a subset of the images,
   * in place of an earlier subset. makeViews uses all images.
   *
   * @throws NativeError where a class would have no image
   */
  takeSubset(options: SubsetOptions): void {
    call("byol_dataset_take_subset", this.handle, json(options));
  }

  /** Sets the rank's shard of each micro-batch; by default, a process takes all images. */
  setShard(
    { rank, ranks, microBatches }: { rank: number; ranks: number; microBatches: number },
  ): void {
    call("byol_dataset_set_shard", this.handle, rank, ranks, microBatches);
  }

  /**
   * Starts to make the views of a later micro-batch in the background, where images are read from files and the queue
   * is not full.
   *
   * @returns true where it has started; otherwise makeViews makes the views when it is called
   */
  prefetchViews(
    { seed, step, microBatch = 0 }: { seed: number; step: number; microBatch?: number },
    { batchSize, view1, view2, view3 }: { batchSize: number } & ViewPair,
  ): boolean {
    return callU32(
      "byol_dataset_prefetch_views",
      this.handle,
      json({ batchSize, view1, view2, view3 }),
      BigInt(seed),
      BigInt(step),
      microBatch,
    ) === 1;
  }

  /**
   * Returns the number of decoded images, of unusable files, and of decoded images whose 16-bit gray has no value of 4096
   * or more: sixteen grays are left of it.
   */
  photoCounts(): { decoded: number; bad: number; fewGrays: number } {
    const counts = callNumbers("byol_dataset_photo_counts", this.handle);
    const [decoded = 0, bad = 0, fewGrays = 0] = counts;
    return { decoded, bad, fewGrays };
  }

  /** Returns index and reason of each unusable image file. */
  badFiles(): [index: number, reason: string][] {
    return JSON.parse(callText("byol_dataset_bad_files", this.handle));
  }

  /**
   * Returns the names of `count` images from `start`, in the order of makeCenterCrops(): paths in the folder of photos,
   * loose or packed; the image's index, from 0, where images are no files of their own.
   */
  names(start: number, count: number): string[] {
    return JSON.parse(callText("byol_dataset_names", this.handle, start, count));
  }

  /** Makes both views of a micro-batch of step `step`, which depend only on seed, step and recipes. */
  makeViews(seed: number, step: number, microBatch = 0): void {
    try {
      call("byol_dataset_make_views", this.handle, BigInt(seed), BigInt(step), microBatch);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /**
   * Makes a step's views and writes one of the two, with its images, for a check by another program.
   *
   * @returns the augmentation of each image
   *
   * @internal
   */
  writeViews(path: string, options: { seed: number; step: number; view: 0 | 1 }): ViewCases {
    return JSON.parse(
      callText("byol_dataset_write_views", this.handle, json({ path, ...options })),
    );
  }

  /** Keeps the batch's first views as the images beside which the next sheet draws its views. */
  keepImages(): void {
    call("byol_dataset_keep_images", this.handle);
  }

  /** Draws both views of the batch as a PNG, beside the images that were kept, four images per row. */
  writeSheet(path: string): void {
    call("byol_dataset_write_sheet", this.handle, json({ path }));
  }

  /** Makes the cropped and flipped views of this rank's shard for a step of the probe. */
  makeProbeBatch(seed: number, step: number): void {
    try {
      call("byol_dataset_make_probe_batch", this.handle, BigInt(seed), BigInt(step));
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** Makes the test transform of `count` images from `start`; `count` may be 0 on a rank without images left. */
  makeCenterCrops(start: number, count: number): void {
    try {
      call("byol_dataset_make_center_crops", this.handle, start, count);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** Embeds the one-view batch, and keeps the embeddings with the batch for later calls. */
  embed(learner: Learner): void {
    call("byol_dataset_embed", this.handle, learner.handle);
  }

  /**
   * Replaces this rank's embeddings by those of all ranks, in the order of the ranks. All ranks must call this method.
   *
   * @internal
   */
  gather(group: ProcessGroup): void {
    call("byol_dataset_gather", this.handle, group.handle);
  }
}
