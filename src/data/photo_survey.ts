/**
 * Survey of a folder of photos before it is opened: the number and the size of its images, for the choice of a recipe.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { isExpected } from "../base/expected.ts";
import type { RunConfig } from "../options/config.ts";
import type { FileList } from "../native/data_job.ts";
import { MOST_SURVEYED, type PhotoSurvey } from "../options/photo_recipe.ts";
import { isGray } from "./image_colors.ts";
import type { ImageFile } from "./image_header.ts";
import { shorterSideOf } from "./image_size.ts";
import { foldersIn, IMAGE_NAME, photoFolders } from "./photo_folders.ts";

/** Number of files whose headers are read. */
const SAMPLE = 64;
/** Most folders below one another, as links may lead back. */
const DEEPEST = 16;

/** The training images of one half: their number, their classes, and files to sample. */
interface Half {
  count: number;
  classes: number;
  /** Image `index`, from 0 to count − 1. */
  fileAt(index: number): ImageFile;
}

/**
 * Returns the number and the size of the training images; undefined where there are none, or they cannot be read, which
 * the opening of the images reports.
 */
export function surveyPhotos(
  config: Pick<RunConfig, "datasetName" | "dataDir">,
): PhotoSurvey | undefined {
  return looked(() => {
    const { train, test, listed } = photoFolders(config);
    const half = listed ? listedHalf(listed.train) : halfIn(train);
    if (half.count === 0) return undefined;
    return {
      count: half.count,
      side: medianSide(half),
      classes: half.classes,
      tested: test === undefined || half.classes <= 1
        ? 0
        : listed
        ? listedHalf(listed.test!).count
        : halfIn(test).count,
    };
  });
}

/** Returns the number of sampled training images, all of which are gray; undefined where one is not, or none tells. */
export function sampledGrays(
  config: Pick<RunConfig, "datasetName" | "dataDir">,
): number | undefined {
  if (config.datasetName !== "imagenet" && config.datasetName !== "folder") return undefined;
  return looked(() => {
    const { train, listed } = photoFolders(config);
    const files = sampled(listed ? listedHalf(listed.train) : halfIn(train));
    return files.length > 0 && files.every((file) => isGray(file) === true)
      ? files.length
      : undefined;
  });
}

/** Returns what `look` finds; undefined where files cannot be read, which the opening of the images reports. */
function looked<Found>(look: () => Found | undefined): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (!isExpected(error) && !(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function halfIn(path: string): Half {
  return path.endsWith(".json") ? shardsIn(path) : imagesIn(path);
}

/** Returns the images of a list, up to MOST_SURVEYED. */
function listedHalf({ root, classes, folders }: FileList): Half {
  const files = folders.flatMap(({ path, files }) => files.map((name) => join(path, name)));
  return {
    count: Math.min(MOST_SURVEYED, files.length),
    classes: classes.length,
    fileAt: (index) => ({ path: resolve(root, files[index]!) }),
  };
}

/** Returns the images of a folder, up to MOST_SURVEYED. */
function imagesIn(folder: string): Half {
  const files: string[] = [];
  collect(folder, files, DEEPEST);
  const classes = foldersIn(folder).length;
  return { count: files.length, classes, fileAt: (index) => ({ path: files[index]! }) };
}

function collect(folder: string, files: string[], depth: number): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (files.length === MOST_SURVEYED) return;
    if (isDirectory || name.startsWith(".") || !IMAGE_NAME.test(name)) continue;
    files.push(join(folder, name));
  }
  if (depth === 0) return;
  for (const name of foldersIn(folder)) collect(join(folder, name), files, depth - 1);
}

/** Parts of a manifest, each of which a damaged file may lack. */
interface Manifest {
  byol?: { count?: number; classes?: string[] };
  shardlist?: { url?: string }[];
}

/** Returns the images of packed shards; files to sample are those of the first shard. */
function shardsIn(manifest: string): Half {
  const { byol, shardlist } = JSON.parse(Deno.readTextFileSync(manifest)) as Manifest;
  const tar = join(manifest, "..", shardlist?.[0]?.url ?? "");
  const [, ...lines] = Deno.readTextFileSync(tar.replace(/\.tar$/, ".idx")).trim().split("\n");
  return {
    count: Math.min(MOST_SURVEYED, byol?.count ?? 0),
    classes: byol?.classes?.length ?? 0,
    fileAt: (index) => {
      const [, offset = 0] = lines[index % lines.length]?.split("\t").map(Number) ?? [];
      return { path: tar, offset };
    },
  };
}

/** Returns the median of the shorter sides of a sample, in pixels; undefined where no sampled file tells its size. */
function medianSide(half: Half): number | undefined {
  const sides = sampled(half).map(shorterSideOf).filter((side) => side !== undefined)
    .sort((a, b) => a - b);
  return sides[Math.floor(sides.length / 2)];
}

/** Returns files from all parts of a half. */
function sampled({ count, fileAt }: Half): ImageFile[] {
  const sample = Math.min(SAMPLE, count);
  const places = Array.from({ length: sample }, (_, index) => Math.floor(index * count / sample));
  return places.map(fileAt);
}
