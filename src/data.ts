/** Opens the images that the options name. */

import { NORMALISATION } from "./augment.ts";
import type { RunConfig } from "./config.ts";
import { downloadCifar10 } from "./download.ts";
import { ExitCode, UserError } from "./exit_codes.ts";
import { Dataset, type DatasetSource } from "./native/dataset.ts";
import { NativeError } from "./native/native_error.ts";
import { openPhotos } from "./photos.ts";

/** Images of the embedded data set. */
export const DEMO_IMAGES = { train: 5000, test: 1000 } as const;

type DataConfig = Pick<
  RunConfig,
  | "datasetName"
  | "dataDir"
  | "limitTrain"
  | "dtype"
  | "nbWorkers"
  | "allowUnverifiedData"
  | "offline"
  | "maxBadFraction"
  | "prefetch"
  | "stageTo"
  | "evalEveryEpochs"
  | "checkpoint"
>;

/**
 * Opens the training and the test images; a folder of photos may have none to test on.
 *
 * @throws UserError (data) when they are missing, damaged or not the published ones; the signal's reason when
 * it ends a download
 */
export async function openData(
  config: DataConfig,
  { signal }: { signal?: AbortSignal } = {},
): Promise<{ train: Dataset; test: Dataset | undefined }> {
  if (config.datasetName === "imagenet" || config.datasetName === "folder") {
    return await openPhotos(config, signal);
  }
  if (config.datasetName === "cifar10") await fetchIfMissing(config, signal);
  const train = open(config, true);
  try {
    return { train, test: open(config, false) };
  } catch (error) {
    train.close();
    throw error;
  }
}

function open(config: DataConfig, train: boolean): Dataset {
  try {
    return Dataset.open({
      source: sourceOf(config, train),
      dtype: config.dtype,
      workers: config.nbWorkers,
      normalisation: NORMALISATION[config.datasetName],
      limit: train ? config.limitTrain ?? 0 : 0,
    });
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    throw new UserError(error.message, ExitCode.data);
  }
}

function sourceOf(config: DataConfig, train: boolean): DatasetSource {
  if (config.datasetName === "demo") {
    return { kind: "demo", train, count: train ? DEMO_IMAGES.train : DEMO_IMAGES.test };
  }
  return {
    kind: "cifar10",
    directory: config.dataDir ?? "",
    train,
    allowUnverified: config.allowUnverifiedData,
  };
}

/** A folder the user named is read as it is; an empty or absent one is filled. */
async function fetchIfMissing(
  { dataDir, offline }: DataConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = dataDir ?? "";
  try {
    if ([...Deno.readDirSync(folder)].some(({ name }) => !name.endsWith(".part"))) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(
        `Cannot read --data_dir=${folder}: ${(error as Error).message}`,
        ExitCode.data,
      );
    }
  }
  await downloadCifar10(folder, { offline, signal });
}
