/** Folders of photos: the search for training and test images. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import type { RunConfig } from "../options/config.ts";
import { imagenetDirs } from "../runtime/sites.ts";

/** Parts of a data set to open. */
export type Splits = "train" | "train and test";

/** Paths of the training and test images: folders, or the manifests of packed shards. */
export interface PhotoFolders {
  train: string;
  /** Path of the test images; undefined where there are none, which pretraining does not need. */
  test: string | undefined;
}

/**
 * Returns the folders of the splits.
 *
 * @throws UserError (data) where the folder of a split is missing
 */
export function foldersOf(
  config: Pick<RunConfig, "datasetName" | "dataDir">,
  splits: Splits,
): PhotoFolders {
  const folders = photoFolders(config);
  if (splits === "train") return { train: folders.train, test: undefined };
  if (folders.test !== undefined) return folders;
  throw new UserError(
    `Cannot evaluate on ${config.dataDir}: expected train/ and val/ with class folders, or --clsf_every=0 to train ` +
      "only",
    ExitCode.data,
  );
}

/**
 * Returns train/ and val/ of the data folder (folders or packed shards), or the data folder itself, to pretrain on,
 * where it holds no train/.
 *
 * @throws UserError (data) that names the folders tried
 */
export function photoFolders(
  { datasetName, dataDir }: Pick<RunConfig, "datasetName" | "dataDir">,
): PhotoFolders {
  const root = dataDir ?? "";
  const found = (name: string): string | undefined =>
    [`${name}.json`, name].map((name) => join(root, name)).find(exists);
  const [train, test] = [found("train"), found("val")];
  if (train !== undefined) return { train, test };
  if (datasetName === "folder" && exists(root)) return { train: root, test: undefined };
  const tried = imagenetDirs({ variable: (name) => Deno.env.get(name) });
  const where = datasetName === "folder" || !tried.includes(root) ? [root] : tried;
  throw new UserError(
    `Cannot find the images of --dataset_name=${datasetName}: tried ${
      where.join(", ")
    }, expected ` +
      (datasetName === "folder" ? "a folder of images or class folders" : "train/<class>/*.JPEG") +
      ", or shards written by deno task pack, there or at --data_dir=DIR",
    ExitCode.data,
  );
}
