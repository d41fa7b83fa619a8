/**
 * Replacement of files that leaves no half-written file.
 *
 * @module
 */

import { dirname } from "node:path";

/**
 * Replaces a file as a whole: writes a temporary file beside it, syncs it, renames it, and syncs the folder. After a
 * crash or on a full disk, the path holds either the old content or the new content.
 *
 * @throws the error of Deno when the folder cannot be written; the temporary file is removed
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${Deno.pid}.part`;
  try {
    using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
    writeAll(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
    file.syncSync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    cleanUp(temporary);
    throw error;
  }
  syncFolder(dirname(path));
}

/**
 * Syncs a folder, so that a rename in it survives a crash. A file system that has no such sync answers EINVAL, as some
 * of FUSE do: the rename is as safe there as it can be.
 */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  try {
    folder.syncSync();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EINVAL") throw error;
  }
}

/** Writes all bytes, by several calls if need be. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

function cleanUp(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never created, or its folder is gone: nothing to clean up.
  }
}
