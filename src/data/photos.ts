/**
 * Folders of photos: their listing with progress, and their opening.
 *
 * @module
 */

import { join } from "node:path";
import { NORMALISATION } from "../recipes/views.ts";
import type { RunConfig } from "../options/config.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { Dataset } from "../native/dataset.ts";
import { foldersOf, type PhotoFolders, type Splits } from "./photo_folders.ts";
import { runJob } from "./run_job.ts";
import { stateFolder } from "../setup/record.ts";

/** Default share of unusable files; null for the larger of 1 % and 8 files, at most a tenth (native/src/data/photos/). */
const DEFAULT_BAD: Readonly<Record<RunConfig["datasetName"], number | null>> = {
  demo: null,
  cifar10: null,
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
  const train = await openFolder(folders.train, config, options);
  try {
    if (folders.test === undefined) return { train, test: undefined };
    const test = await openFolder(folders.test, config, options);
    requireSameClasses(folders, train, test);
    return { train, test };
  } catch (error) {
    train.close();
    throw error;
  }
}

async function openFolder(
  directory: string,
  config: PhotoConfig,
  { device, signal }: { device: string; signal: AbortSignal | undefined },
): Promise<Dataset> {
  try {
    using job = directory.endsWith(".json")
      ? await runJob(
        { kind: "open", manifest: await staged(directory, config, signal) },
        "opening shards",
        signal,
      )
      : await runJob(
        { kind: "list", directory, cache: listingCache() },
        `listing ${directory}`,
        signal,
      );
    return Dataset.open({
      source: {
        kind: "photos",
        job: job.handle,
        mostBad: config.maxBadFraction ?? DEFAULT_BAD[config.datasetName],
        ahead: config.prefetch,
      },
      dtype: config.dtype,
      device,
      workers: config.nbWorkers,
      normalisation: NORMALISATION[config.datasetName],
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

/** Checks that training and test images have the same classes, which a probe knows only by number. */
function requireSameClasses(folders: PhotoFolders, train: Dataset, test: Dataset): void {
  const [ours, theirs] = [train, test].map((set) => new Set(set.describe().classNames));
  const alone = [...ours!.symmetricDifference(theirs!)];
  if (alone.length === 0) return;
  test.close();
  throw new UserError(
    `Cannot use ${folders.train} with ${folders.test}: ${alone.length} classes are in only one of them, such as ` +
      `${alone[0]}, expected the same class folders`,
    ExitCode.data,
  );
}
