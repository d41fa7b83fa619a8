/**
 * Folders of photos: their listing with progress, and their opening.
 *
 * @module
 */

import { join } from "node:path";
import { normalisationOf, normalisationText, TO_MEASURE } from "../recipes/normalisation.ts";
import type { Normalisation } from "../recipes/views.ts";
import type { RunConfig } from "../options/config.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { FileList } from "../native/data_job.ts";
import { Dataset } from "../native/dataset.ts";
import { foldersOf, type Splits } from "./photo_folders.ts";
import { runJob } from "./run_job.ts";
import { stateFolder } from "../setup/record.ts";

/** Default share of unusable files; null for the larger of 1 % and 8 files, at most a tenth (native/src/data/photos/). */
const DEFAULT_BAD: Readonly<Record<RunConfig["datasetName"], number | null>> = {
  demo: null,
  cifar10: null,
  cifar100: null,
  imagenet: 0.0001,
  folder: null,
};

type PhotoConfig = Pick<
  RunConfig,
  | "datasetName"
  | "dataDir"
  | "holdOut"
  | "dtype"
  | "nbWorkers"
  | "maxBadFraction"
  | "prefetch"
  | "stageTo"
  | "normalisation"
>;

/** Returns the folder that caches listings for later invocations. */
export function listingCache(): string {
  return join(stateFolder(), "listings");
}

/**
 * Opens a folder of photos, or packed shards.
 *
 * @returns the data sets; `test` is undefined with the splits "train", and where there are none beside held-out images
 * @throws UserError (data) when a folder is missing, a class has no images, or test images are missing; the signal's
 * reason when the signal ends the listing
 */
export async function openPhotos(
  config: PhotoConfig,
  { splits, ...options }: { splits: Splits; device: string; signal: AbortSignal | undefined },
): Promise<{ train: Dataset; test: Dataset | undefined }> {
  const folders = foldersOf(config, splits);
  if (config.stageTo !== null && !folders.train.endsWith(".json")) {
    throw new UserError(
      `Cannot stage ${folders.train} to --stage_to=${config.stageTo}: it is a folder of loose files, expected ` +
        "shards written by deno task pack",
      ExitCode.usage,
    );
  }
  const { listed } = folders;
  const { normalisation } = await measured(config, options.signal);
  const opening = { ...config, normalisation };
  const train = await openHalf({ path: folders.train, list: listed?.train }, opening, options);
  try {
    if (folders.test === undefined) return { train, test: undefined };
    const { classNames: classes } = train.describe();
    const half = { path: folders.test, list: listed?.test, classes };
    return { train, test: await openHalf(half, opening, options) };
  } catch (error) {
    train.close();
    throw error;
  }
}

/** Measurement of training images. */
export interface MeasuredImages extends Normalisation {
  /** Number of images. */
  images: number;
  /** Number of images of 16 bits. */
  deep: number;
}

/**
 * Measures the training images, where `--normalisation=data` asks for it.
 *
 * @returns the value of the option for what was measured, or the one that is given; and what was measured
 * @throws UserError (data) when the folder is missing, or all of its images have one value; the signal's reason when the
 * signal ends the measurement
 */
export async function measured(
  config: PhotoConfig,
  signal: AbortSignal | undefined,
): Promise<{ normalisation: string | null; found?: MeasuredImages }> {
  const { normalisation, nbWorkers: workers } = config;
  if (normalisation !== TO_MEASURE) return { normalisation };
  const { train: path, listed } = foldersOf(config, "train");
  try {
    using job = await runJob(
      {
        kind: "statistics",
        path,
        ...listed !== undefined && { list: listed.train },
        cache: listingCache(),
        workers,
        mostBad: mostBadOf(config),
      },
      `measuring ${path}`,
      signal,
    );
    const { range, ...found } = job.result<
      Omit<MeasuredImages, "range"> & { range: [number, number] | null }
    >();
    const images = range === null ? found : { ...found, range };
    return { normalisation: normalisationText(images), found: images };
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}

function mostBadOf(
  { maxBadFraction, datasetName }: Pick<PhotoConfig, "maxBadFraction" | "datasetName">,
): number | null {
  return maxBadFraction ?? DEFAULT_BAD[datasetName];
}

/** A half to open: the path of a folder, of shards or of a list, whose images `list` holds. */
interface Half {
  path: string;
  list: FileList | undefined;
  /** Classes that labels are numbered by; undefined for the half's own. */
  classes?: readonly string[];
}

/** @throws UserError (data) where the half has a class that is none of the given ones */
async function openHalf(
  { path, list, classes }: Half,
  config: PhotoConfig,
  { device, signal }: { device: string; signal: AbortSignal | undefined },
): Promise<Dataset> {
  try {
    using job = path.endsWith(".json")
      ? await runJob(
        { kind: "open", manifest: await staged(path, config, signal) },
        "opening shards",
        signal,
      )
      : await runJob(
        list === undefined
          ? { kind: "list", directory: path, cache: listingCache() }
          : { kind: "files", list },
        `listing ${path}`,
        signal,
      );
    return Dataset.open({
      source: {
        kind: "photos",
        job: job.handle,
        mostBad: mostBadOf(config),
        ahead: config.prefetch,
        ...classes !== undefined && { classes },
      },
      dtype: config.dtype,
      device,
      workers: config.nbWorkers,
      normalisation: normalisationOf(config),
    });
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}

/** Copies shards to --stage_to. @returns the manifest of the copy; without --stage_to, the given manifest */
async function staged(
  manifest: string,
  { stageTo }: PhotoConfig,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (stageTo === null) return manifest;
  using job = await runJob(
    { kind: "stage", manifest, target: stageTo },
    `staging to ${stageTo}`,
    signal,
  );
  return job.result<{ manifest: string }>().manifest;
}
