/** Opens the images that the options name. */

import { NORMALISATION } from "../recipes/views.ts";
import type { RunConfig } from "../options/config.ts";
import { deviceOf } from "../runtime/device.ts";
import { CIFAR10_ARCHIVE, downloadCifar10 } from "./download.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { Dataset } from "../native/dataset.ts";
import { runJob } from "./run_job.ts";
import { openPhotos } from "./photos.ts";

/** Images of the embedded data set. */
export const DEMO_IMAGES = { train: 5000, test: 1000 } as const;

/** The options that say which images, and how they are read. */
export type DataConfig = Pick<
  RunConfig,
  | "datasetName"
  | "dataDir"
  | "limitTrain"
  | "dtype"
  | "hardware"
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
  const train = await open(config, true, signal);
  try {
    return { train, test: await open(config, false, signal) };
  } catch (error) {
    train.close();
    throw error;
  }
}

async function open(
  config: DataConfig,
  train: boolean,
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  try {
    using job = config.datasetName === "demo" ? undefined : await runJob(
      {
        kind: "read",
        directory: config.dataDir ?? "",
        train,
        allowUnverified: config.allowUnverifiedData,
      },
      "reading CIFAR-10",
      signal,
    );
    return Dataset.open({
      source: job === undefined
        ? { kind: "demo", train, count: train ? DEMO_IMAGES.train : DEMO_IMAGES.test }
        : { kind: "read", job: job.handle },
      dtype: config.dtype,
      device: deviceOf(config),
      workers: config.nbWorkers,
      normalisation: NORMALISATION[config.datasetName],
      limit: train ? config.limitTrain ?? 0 : 0,
    });
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}

/** A folder the user named is read as it is; an empty or absent one is filled. */
async function fetchIfMissing(
  { dataDir, offline }: DataConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = dataDir ?? "";
  try {
    // What a download that is under way, or was cut, has left there.
    const started = [`${CIFAR10_ARCHIVE.name}.part`, `${CIFAR10_ARCHIVE.name}.lock`];
    const isOther = ({ name }: Deno.DirEntry): boolean =>
      !started.some((left) => name.startsWith(left));
    if ([...Deno.readDirSync(folder)].some(isOther)) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw asUserError(error, ExitCode.data, { task: `read --data_dir=${folder}` });
    }
  }
  await downloadCifar10(folder, { offline, signal });
}
