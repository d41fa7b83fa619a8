/** Opening of the data set that the options name. */

import { normalisationOf } from "../recipes/normalisation.ts";
import { isCifar } from "../recipes/views.ts";
import type { RunConfig } from "../options/config.ts";
import { deviceOf } from "../runtime/device.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { type Archive, CIFAR_ARCHIVES, downloadArchive } from "./download.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { Dataset } from "../native/dataset.ts";
import { takeHeldOut } from "./hold_out.ts";
import { limitTraining } from "./limit.ts";
import { runJob } from "./run_job.ts";
import type { Splits } from "./photo_folders.ts";
import { surveyPhotos } from "./photo_survey.ts";
import { openPhotos } from "./photos.ts";

/** Number of images of the built-in demo data set. */
export const DEMO_IMAGES = { train: 5000, test: 1000 } as const;

/** The options that choose the images and the way they are read. */
export type DataConfig = Pick<
  RunConfig,
  | "datasetName"
  | "dataDir"
  | "limitTrain"
  | "holdOut"
  | "dtype"
  | "hardware"
  | "nbWorkers"
  | "allowUnverifiedData"
  | "offline"
  | "maxBadFraction"
  | "prefetch"
  | "stageTo"
  | "evalEveryEpochs"
  | "ranks"
  | "normalisation"
>;

/** Returns the splits that a training opens: of photos only those to train on where nothing is evaluated, else both. */
export function splitsOfTraining(
  { datasetName, evalEveryEpochs }: Pick<DataConfig, "datasetName" | "evalEveryEpochs">,
): Splits {
  return arePhotos(datasetName) && evalEveryEpochs === 0 ? "train" : "train and test";
}

/** Images that were opened; the caller closes each. */
export interface OpenedData {
  /** The training images. */
  train: Dataset;
  /** The test images; undefined with the splits "train", and where a folder has none beside held-out images. */
  test: Dataset | undefined;
  /** The images of `--hold_out`, which are not among `train`; undefined without it, and with the splits "train". */
  heldOut?: Dataset | undefined;
}

/** Splits to open, device of the views, and a signal. */
export interface OpenOptions {
  /** Splits to open. */
  splits?: "train" | "train and test";
  /** Device of the views. */
  device?: string;
  /** Signal that ends a download or a listing. */
  signal?: AbortSignal;
}

/**
 * Opens the training images, and the test and held-out images if `splits` includes them.
 *
 * @param options.splits splits to open; by default those that a training with these options uses
 * @param options.device device of the views, such as "cpu" or "cuda:0"; by default the one that the options name
 * @param options.signal signal that ends a download or a listing
 * @returns the data sets
 * @throws UserError (data) when images are missing, damaged, or differ from the published ones; the signal's reason
 * when the signal ends a download
 */
export async function openData(
  config: DataConfig,
  options: OpenOptions = {},
): Promise<OpenedData> {
  const { splits = splitsOfTraining(config) } = options;
  const { train, test } = await openWhole(config, { ...options, splits });
  return partsOf({ train, test }, { config, splits });
}

/** Opens the images as openData() does, all training images together: --hold_out and --limit_train have no effect. */
export async function openWhole(
  config: DataConfig,
  { splits = splitsOfTraining(config), device = deviceOf(config, SINGLE_PROCESS), signal }:
    OpenOptions = {},
): Promise<{ train: Dataset; test: Dataset | undefined }> {
  if (arePhotos(config.datasetName)) return await openPhotos(config, { splits, device, signal });
  if (isCifar(config.datasetName)) {
    await fetchIfMissing(config, CIFAR_ARCHIVES[config.datasetName], signal);
  }
  const train = await openSplit(config, true, { device, signal });
  try {
    if (splits === "train") return { train, test: undefined };
    return { train, test: await openSplit(config, false, { device, signal }) };
  } catch (error) {
    train.close();
    throw error;
  }
}

/**
 * Takes the held-out images out of the training images, and limits the others. Closes the images where it fails.
 *
 * @throws UserError (data) where there are too few images
 */
export function partsOf(
  { train, test }: { train: Dataset; test: Dataset | undefined },
  { config, splits }: {
    config: Pick<DataConfig, "datasetName" | "holdOut" | "limitTrain">;
    splits: Splits;
  },
): OpenedData {
  using opened = new DisposableStack();
  for (const set of [train, test]) if (set !== undefined) opened.use(set);
  const heldOut = takeHeldOut(train, config);
  if (heldOut !== undefined) opened.use(heldOut);
  limitTraining(train, config);
  opened.move();
  if (splits === "train and test") return { train, test, heldOut };
  heldOut?.close();
  return { train, test, heldOut: undefined };
}

function arePhotos(datasetName: DataConfig["datasetName"]): boolean {
  return datasetName === "imagenet" || datasetName === "folder";
}

async function openSplit(
  config: DataConfig,
  train: boolean,
  { device, signal }: { device: string; signal: AbortSignal | undefined },
): Promise<Dataset> {
  try {
    const name = config.datasetName;
    using job = !isCifar(name) ? undefined : await runJob(
      {
        kind: "read",
        name,
        directory: config.dataDir ?? "",
        train,
        allowUnverified: config.allowUnverifiedData,
      },
      name === "cifar10" ? "reading CIFAR-10" : "reading CIFAR-100",
      signal,
    );
    return Dataset.open({
      source: job === undefined
        ? { kind: "demo", train, count: train ? DEMO_IMAGES.train : DEMO_IMAGES.test }
        : { kind: "read", job: job.handle },
      dtype: config.dtype,
      device,
      workers: config.nbWorkers,
      normalisation: normalisationOf(config),
    });
  } catch (error) {
    throw ofPhotos(asUserError(error, ExitCode.data), config);
  }
}

/** Adds the repair to the error for CIFAR's folder, where the folder holds photos. */
function ofPhotos(error: unknown, { datasetName, dataDir }: DataConfig): unknown {
  if (!(error instanceof UserError) || !isCifar(datasetName)) return error;
  const found = surveyPhotos({ datasetName: "folder", dataDir });
  if (found === undefined) return error;
  return new UserError(
    `${error.message}; it holds image files: for them expected --dataset_name=folder, without a preset for CIFAR-10`,
    error.exitCode,
  );
}

/** Downloads an archive to a missing or empty folder; a folder with other files is left alone. */
async function fetchIfMissing(
  { dataDir, offline }: DataConfig,
  archive: Archive,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = dataDir ?? "";
  try {
    // Files of a download that is under way or was interrupted do not count.
    const started = [`${archive.name}.part`, `${archive.name}.lock`];
    const isOther = ({ name }: Deno.DirEntry): boolean =>
      !started.some((left) => name.startsWith(left));
    if ([...Deno.readDirSync(folder)].some(isOther)) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw asUserError(error, ExitCode.data, { task: `read --data_dir=${folder}` });
    }
  }
  await downloadArchive(archive, {
    dataDir: folder,
    offline,
    ...signal !== undefined && { signal },
  });
}
