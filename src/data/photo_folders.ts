/**
 * Folders of photos: the search for training and test images.
 *
 * The halves are train/ and val/, or packed shards of these names. Other usual names count in any letter case. A folder
 * whose halves can only be guessed is refused: pretraining on all of its folders would train on the test images.
 *
 * @module
 */

import { basename, join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { exists } from "../base/files.ts";
import type { RunConfig } from "../options/config.ts";
import { imagenetDirs } from "../runtime/sites.ts";
import { isFileList, type ListedHalves, readFileList } from "./file_list.ts";
import { isShardIndex } from "./shard_index.ts";
import { TEST_NAMES, TRAIN_NAMES } from "./split_names.ts";

/** Parts of a data set to open. */
export type Splits = "train" | "train and test";

/** Paths of the training and test images: folders, the manifests of packed shards, or a list of files. */
export interface PhotoFolders {
  train: string;
  /** Path of the test images; undefined where there are none, which pretraining does not need. */
  test: string | undefined;
  /** Images of the halves, where both paths are that of a list. */
  listed?: ListedHalves;
}

/** Parts of names such as images_train and trainset, beside the usual names. */
const FILLERS = /set|data|images?|imgs?|split|folder|[^a-z]/g;

/** Most class folders that are searched for halves of their own. */
const MOST_SEARCHED = 64;
/** Most folders around the halves that are looked through. */
const DEEPEST = 4;

/**
 * Returns the folders of the splits.
 *
 * @throws UserError (data) where the folder of a split is missing, without held-out images, or one alone has class folders
 */
export function foldersOf(
  config: Pick<RunConfig, "datasetName" | "dataDir"> & Partial<Pick<RunConfig, "holdOut">>,
  splits: Splits,
): PhotoFolders {
  const folders = photoFolders(config);
  if (splits === "train") return { ...folders, test: undefined };
  if (folders.test !== undefined) requireClassFolders(folders);
  else if ((config.holdOut ?? null) === null) throw noTestImages(config);
  return folders;
}

/** Returns the error for a folder without images to test on. */
export function noTestImages({ dataDir }: Pick<RunConfig, "dataDir">): UserError {
  return new UserError(
    `Cannot evaluate on ${dataDir}: expected ${
      isFileList(dataDir ?? "")
        ? "a column split with images to test on (val)"
        : "train/ and val/ with class folders"
    }, or --hold_out=10% to evaluate on a ` +
      "tenth of the images, or --clsf_every=0 to train only",
    ExitCode.data,
  );
}

/**
 * Returns the two halves of the data folder (folders or packed shards) or of a list of files, or the data folder itself, to
 * pretrain on, where it holds no halves.
 *
 * @throws UserError (data) that names the folders tried, or the folders that look like halves
 */
export function photoFolders(
  { datasetName, dataDir }: Pick<RunConfig, "datasetName" | "dataDir">,
): PhotoFolders {
  const root = dataDir ?? "";
  try {
    if (isFileList(root) && !isFolder(root)) return listedIn(root);
    const [train, test] = [halfIn(root, TRAIN_NAMES), halfIn(root, TEST_NAMES)];
    if (train !== undefined) return { train, test };
    if (exists(root)) {
      requireNoHalvesBelow(root);
      if (datasetName === "folder") {
        requireNoHalves(root);
        return { train: root, test: undefined };
      }
    }
  } catch (error) {
    throw asUserError(error, ExitCode.data, { task: `read ${root}` });
  }
  const tried = imagenetDirs({ variable: (name) => Deno.env.get(name) });
  const where = datasetName === "folder" || !tried.includes(root) ? [root] : tried;
  throw new UserError(
    `Cannot find the images of --dataset_name=${datasetName}: tried ${
      where.join(", ")
    }, expected ` +
      (datasetName === "folder"
        ? "a folder of images or class folders, a list of files (.csv or .jsonl)"
        : "train/<class>/*.JPEG") +
      ", or shards written by deno task pack, there or at --data_dir=DIR",
    ExitCode.data,
  );
}

function listedIn(list: string): PhotoFolders {
  const listed = readFileList(list);
  return { train: list, test: listed.test && list, listed };
}

/**
 * Checks that both halves have class folders, or neither.
 *
 * @throws UserError (data) that names the half without them
 */
export function requireClassFolders({ train, test }: PhotoFolders): void {
  if (test === undefined || [train, test].some((half) => half.endsWith(".json"))) return;
  for (const [flat, other] of [[test, train], [train, test]] as const) {
    if (!isFlat(flat) || foldersIn(other).length === 0) continue;
    throw new UserError(
      `Cannot use ${join(flat, "..")}: ${
        basename(flat)
      }/ holds images and no class folders, expected the class ` +
        `folders of ${basename(other)}/`,
      ExitCode.data,
    );
  }
}

/** Returns the path of one half: shards, the folder of the first name, or of another name in any case. */
function halfIn(root: string, names: typeof TRAIN_NAMES | typeof TEST_NAMES): string | undefined {
  const [usual] = names;
  const manifest = join(root, `${usual}.json`);
  if (exists(manifest) && isShardIndex(manifest)) return manifest;
  if (isFolder(join(root, usual))) return join(root, usual);
  const folders = foldersIn(root);
  for (const name of names) {
    const found = folders.filter((folder) => folder.toLowerCase() === name);
    if (found.length > 1) {
      throw new UserError(
        `Cannot choose between ${inWords(found)} in ${root}, expected one of them`,
        ExitCode.data,
      );
    }
    // Training may be the name of a class, which has no test images beside it.
    const isClass = name === "training" && folders.length > 1 &&
      !folders.some((folder) => isAmong(folder, TEST_NAMES));
    if (found[0] !== undefined && !isClass) return join(root, found[0]);
  }
  return undefined;
}

/** Refuses a folder whose subfolders look like halves by parts of their names, such as train2017 and val2017. */
function requireNoHalves(root: string): void {
  const folders = foldersIn(root);
  const like = (names: readonly string[]): string | undefined =>
    folders.find((folder) => isAmong(folder.toLowerCase().replaceAll(FILLERS, ""), names));
  const [train, test] = [like(TRAIN_NAMES), like(TEST_NAMES)];
  if (train !== undefined && test !== undefined) {
    throw new UserError(
      `Cannot tell training images from test images in ${root}: ${
        inWords([train, test])
      } look like halves, ` +
        `expected the names train/ and val/ (links will do), or --data_dir=${join(root, train)}`,
      ExitCode.data,
    );
  }
  const alone = folders.find((folder) => isAmong(folder, TEST_NAMES));
  const other = folders.find((folder) => folder !== alone);
  if (alone === undefined || other === undefined) return;
  throw new UserError(
    `Cannot tell training images from test images in ${root}: it holds ${alone}/ and no train/, expected both, or ` +
      `the folder of the training images, such as --data_dir=${join(root, other)}`,
    ExitCode.data,
  );
}

/** Refuses a folder around the halves, and class folders that have halves of their own. */
function requireNoHalvesBelow(root: string): void {
  let [around, folders] = [root, foldersIn(root)];
  for (let depth = 0; depth < DEEPEST && folders.length > 0; depth++) {
    for (const folder of folders.slice(0, MOST_SEARCHED)) {
      const path = join(around, folder);
      const [train, test] = [existingIn(path, TRAIN_NAMES), existingIn(path, TEST_NAMES)];
      if (train === undefined || test === undefined) continue;
      throw new UserError(
        `Cannot use ${root}: ${path} holds ${train}/ and ${test}/, expected --data_dir=${path}`,
        ExitCode.data,
      );
    }
    if (folders.length > 1) return;
    around = join(around, folders[0]!);
    folders = foldersIn(around);
  }
}

/** Returns the first of some names, in three letter cases, that is a folder; looks without reading the whole folder. */
function existingIn(folder: string, names: readonly string[]): string | undefined {
  return names.flatMap((name) => [
    name,
    name.charAt(0).toUpperCase() + name.slice(1),
    name.toUpperCase(),
  ]).find((name) => isFolder(join(folder, name)));
}

function isAmong(name: string, names: readonly string[]): boolean {
  return names.includes(name.toLowerCase());
}

function inWords(folders: readonly string[]): string {
  return folders.map((folder) => `${folder}/`).join(" and ");
}

/** Names of files that are read as images: torchvision's. */
export const IMAGE_NAME = /\.(jpe?g|png|p[gp]m|bmp|tiff?|webp)$/i;

/** Returns true for a folder with images and without class folders. */
function isFlat(folder: string): boolean {
  return isFolder(folder) && foldersIn(folder).length === 0 &&
    Deno.readDirSync(folder).some(({ name }) => IMAGE_NAME.test(name));
}

/** Folders that the Rust core leaves out of listings, beside those whose names begin with a dot; in lower case. */
const SYSTEM_FOLDERS = [
  "@eadir",
  "@recycle",
  "@recently-snapshot",
  "@tmp",
  "#recycle",
  "#snapshot",
  "__macosx",
  "$recycle.bin",
  "recycler",
  "system volume information",
  "lost+found",
  "__pycache__",
];

/** Returns the names of the folders in a folder, and of links to folders, without hidden ones; none where it is none. */
export function foldersIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isSymlink }) => {
    if (name.startsWith(".") || isAmong(name, SYSTEM_FOLDERS)) return [];
    // A folder of a million links to images is not asked about each.
    const isFound = isDirectory ||
      isSymlink && !IMAGE_NAME.test(name) && isFolder(join(folder, name));
    return isFound ? [name] : [];
  }).sort();
}

function isFolder(path: string): boolean {
  return exists(path) && Deno.statSync(path).isDirectory;
}
