import type { Normalisation, ProbeTransforms, ViewPair } from "../recipes/views.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { NativeObject } from "./handle.ts";
import type { ViewCases } from "./views.ts";
import type { Learner } from "./learner.ts";
import { check, errorBuffer, json, openCore, readText, readU32 } from "./library.ts";
import { NativeError } from "./native_error.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Where images come from. */
export type DatasetSource =
  | { kind: "demo"; train: boolean; count: number }
  /** What a reading job holds. */
  | { kind: "read"; job: number }
  /** The files that a listing job found, a share of which may be bad; so many batches are made ahead. */
  | { kind: "photos"; job: number; mostBad: number; ahead: number };

/** How a dataset is opened. */
export interface DatasetOptions {
  /** Where the images come from. */
  source: DatasetSource;
  /** Type of the views. */
  dtype: "float32" | "float64";
  /** Where views are brought to: "cpu", which is the default, or "cuda:0". */
  device?: string;
  /** Threads that make views. */
  workers: number;
  /** What is taken from the views' channels, and what they are divided by. */
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
  /** Whether the images held out are taken, or the others. */
  part: "learn" | "heldOut";
}

/** What the core says of a dataset. */
export interface DatasetDescription {
  /** Images. */
  count: number;
  /** Classes; 1 where the images have no labels. */
  classes: number;
  /** Their names, in the order of the labels. */
  classNames: string[];
  /** SHA-256 over images, then labels. */
  digest: string;
  /** How the images lie, such as "demo", "folder" or "packed". */
  layout: string;
  /** Whether every file had its official MD5. */
  verified: boolean;
  /** What the user should be told of the files. */
  warnings: string[];
}

/** As check(); files that cannot be read are the user's to repair. */
function checkData(status: number, symbol: string): void {
  try {
    check(status, symbol);
  } catch (error) {
    if (!(error instanceof NativeError) || error.code !== "Io") throw error;
    throw new UserError(error.message, ExitCode.data);
  }
}

/** Images held by the core, and the batch last made from them. */
export class Dataset extends NativeObject {
  /** Opens it. @throws NativeError when files are missing, truncated or not the official ones */
  static open(
    { normalisation, limit = 0, device = "cpu", ...options }: DatasetOptions,
  ): Dataset {
    const symbols = openCore();
    const request = json({
      ...options,
      device,
      limit,
      mean: normalisation.mean,
      std: normalisation.std,
    });
    return new Dataset(
      readU32("byol_dataset_open", (out, error) => symbols.byol_dataset_open(request, out, error)),
    );
  }

  /** Count, classes, digest. */
  describe(): DatasetDescription {
    const symbols = openCore();
    return JSON.parse(
      readText(
        "byol_dataset_describe",
        (text, error) => symbols.byol_dataset_describe(this.handle, text, error),
      ),
    );
  }

  /** Sets batch size (images) and the recipes of both views. */
  setRecipes(batchSize: number, { view1, view2 }: ViewPair): void {
    const request = json({ batchSize, view1, view2 });
    check(
      openCore().byol_dataset_set_recipes(this.handle, request, errorBuffer()),
      "byol_dataset_set_recipes",
    );
  }

  /** Sets batch size and transforms of linear evaluation. */
  setProbe(batchSize: number, { train, test }: ProbeTransforms): void {
    const request = json({ batchSize, train, resize: test.resize, crop: test.crop });
    check(
      openCore().byol_dataset_set_probe(this.handle, request, errorBuffer()),
      "byol_dataset_set_probe",
    );
  }

  /**
   * Makes evaluation (makeProbeBatch, makeCentered, names, and the count of describe) go through some of the images, as
   * if there were no others. Replaces an earlier choice; makeViews goes through all.
   *
   * @throws NativeError where a class would have no image
   */
  takeSubset(options: SubsetOptions): void {
    check(
      openCore().byol_dataset_take_subset(this.handle, json(options), errorBuffer()),
      "byol_dataset_take_subset",
    );
  }

  /** Sets what of each step's batch this process takes: of each of equal parts, its rank's share. Else it takes all. */
  setShare({ rank, ranks, parts }: { rank: number; ranks: number; parts: number }): void {
    check(
      openCore().byol_dataset_set_share(this.handle, rank, ranks, parts, errorBuffer()),
      "byol_dataset_set_share",
    );
  }

  /**
   * Starts on the views of a step to come, or of a part of them, where images are read from files and there is room;
   * makeViews then takes them.
   *
   * @returns whether it did; else they are made when they are asked for
   */
  prefetchViews(
    { seed, step, part = 0 }: { seed: number; step: number; part?: number },
    { batchSize, view1, view2 }: { batchSize: number } & ViewPair,
  ): boolean {
    const symbols = openCore();
    const request = json({ batchSize, view1, view2 });
    return readU32(
      "byol_dataset_announce_views",
      (accepted, error) =>
        symbols.byol_dataset_announce_views(
          this.handle,
          request,
          BigInt(seed),
          BigInt(step),
          part,
          accepted,
          error,
        ),
    ) === 1;
  }

  /** Images decoded so far, and image files that could not be used. */
  photoCounts(): { decoded: number; bad: number } {
    const out = new Float64Array(2);
    check(
      openCore().byol_dataset_photo_counts(this.handle, out, errorBuffer()),
      "byol_dataset_photo_counts",
    );
    const [decoded = 0, bad = 0] = out;
    return { decoded, bad };
  }

  /** The image files that could not be used: index and reason of each. */
  badFiles(): [index: number, reason: string][] {
    const symbols = openCore();
    return JSON.parse(
      readText(
        "byol_dataset_bad_files",
        (text, error) => symbols.byol_dataset_bad_files(this.handle, text, error),
      ),
    );
  }

  /**
   * The names of `count` images from `start`, in the order of makeCentered(): the path below the folder of the photos,
   * loose or packed; the number of the image, from 0, where images are no files of their own.
   */
  names(start: number, count: number): string[] {
    const symbols = openCore();
    return JSON.parse(
      readText(
        "byol_dataset_names",
        (text, error) => symbols.byol_dataset_names(this.handle, start, count, text, error),
      ),
    );
  }

  /** Makes both views of step `step`'s images, or of a part of them: a function of seed, step and recipes alone. */
  makeViews(seed: number, step: number, part = 0): void {
    checkData(
      openCore().byol_dataset_make_views(
        this.handle,
        BigInt(seed),
        BigInt(step),
        part,
        errorBuffer(),
      ),
      "byol_dataset_make_views",
    );
  }

  /**
   * Makes a step's views and writes one of the two, with its images, for another program to recompute.
   *
   * @returns what was done to each image
   */
  writeViews(path: string, options: { seed: number; step: number; view: 0 | 1 }): ViewCases {
    const symbols = openCore();
    const request = json({ path, ...options });
    return JSON.parse(
      readText(
        "byol_dataset_write_views",
        (text, error) => symbols.byol_dataset_write_views(this.handle, request, text, error),
      ),
    );
  }

  /** Draws both views of the batch as a PNG, four pairs a row. */
  writeSheet(path: string): void {
    const request = json({ path });
    check(
      openCore().byol_dataset_write_sheet(this.handle, request, errorBuffer()),
      "byol_dataset_write_sheet",
    );
  }

  /** Makes one cropped and flipped view for a step of the probe, of this rank's share of its images. */
  makeProbeBatch(seed: number, step: number): void {
    checkData(
      openCore().byol_dataset_make_probe_batch(
        this.handle,
        BigInt(seed),
        BigInt(step),
        errorBuffer(),
      ),
      "byol_dataset_make_probe_batch",
    );
  }

  /** Makes the test transform of `count` images from `start`; of none where a rank has none left. */
  makeCenterCrops(start: number, count: number): void {
    checkData(
      openCore().byol_dataset_make_centered(this.handle, start, count, errorBuffer()),
      "byol_dataset_make_centered",
    );
  }

  /** Embeds the one-view batch and keeps the embeddings with it: whoever uses the batch next gets them. */
  embed(learner: Learner): void {
    check(
      openCore().byol_dataset_embed(this.handle, learner.handle, errorBuffer()),
      "byol_dataset_embed",
    );
  }

  /** Puts all ranks' embeddings, in the order of the ranks, in the place of this rank's. All ranks must. */
  gather(group: ProcessGroup): void {
    check(
      openCore().byol_dataset_gather(this.handle, group.handle, errorBuffer()),
      "byol_dataset_gather",
    );
  }
}
