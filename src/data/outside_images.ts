/** Checks that a command's output is outside of the folders that its images are listed from. */

import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { exists } from "../base/files.ts";
import type { RunConfig } from "../options/config.ts";
import { isCifar } from "../recipes/views.ts";
import { photoFolders } from "./photo_folders.ts";

/**
 * Refuses an output that would become part of the data set of photos. Files beside train/ and val/, and beside packed
 * shards, are no part of it.
 *
 * @param option the option of the output, with its value
 * @throws UserError (usage) that names the folder of the images
 */
export function requireOutsideImages(
  path: string,
  option: string,
  { datasetName, dataDir }: Pick<RunConfig, "datasetName" | "dataDir">,
): void {
  if (datasetName === "demo" || isCifar(datasetName) || dataDir === null) return;
  const listed = listedFolders(path, { datasetName, dataDir });
  const around = listed.find((folder) => isIn(folder, path));
  if (around === undefined) return;
  throw new UserError(
    `Cannot write to ${option}: it is in ${around}, the folder of the images, and would become part of the data ` +
      "set, expected a place outside of it",
    ExitCode.usage,
  );
}

/** Returns the folders that images are listed from, as far as `path` may be in them. */
function listedFolders(
  path: string,
  { datasetName, dataDir }: { datasetName: RunConfig["datasetName"]; dataDir: string },
): string[] {
  // Of a folder that is missing or refused, all counts. What is wrong with it is told when it is opened.
  try {
    const { train, test } = photoFolders({ datasetName, dataDir });
    return [train, test].filter((one) => one !== undefined && !one.endsWith(".json")) as string[];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return isIn(dataDir, path) ? [dataDir] : [];
  }
}

/** Returns true where a path is a folder, or lies below it; links are followed, and missing ends are allowed. */
function isIn(folder: string, path: string): boolean {
  try {
    const way = relative(real(folder), real(path));
    return !isAbsolute(way) && way.split("/")[0] !== "..";
  } catch (error) {
    // A path that cannot be looked at: opening it tells why.
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** Returns the path without links, as far as it exists. */
function real(path: string): string {
  const full = resolve(path);
  if (exists(full)) return Deno.realPathSync(full);
  const parent = dirname(full);
  return parent === full ? full : join(real(parent), full.slice(parent.length));
}
