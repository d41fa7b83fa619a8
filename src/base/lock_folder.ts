/**
 * A lock in the form of a folder with one file, named after the owner.
 *
 * A process takes the lock by renaming a prepared folder to the lock's name, which the system refuses while the lock's
 * folder is not empty. (Not every network file system has flock.) A process releases the lock, or breaks the lock of an
 * owner that is gone, by removing that owner's file. Thereby no process can remove a lock that another has just taken.
 *
 * @module
 */

import { join } from "node:path";

/** Owner of a lock, as the lock's file describes it. */
export interface LockOwner {
  file: string;
  /** The file's JSON; empty where the file holds none. */
  record: Record<string, unknown>;
  /** Time of the file's last change, in milliseconds since 1970. */
  touched: number;
}

/** Tries to take a lock. @returns true where the lock was free */
export function tryTake(
  folder: string,
  { name, content }: { name: string; content: string },
): boolean {
  const prepared = `${folder}.${name}`;
  Deno.mkdirSync(prepared);
  try {
    Deno.writeTextFileSync(join(prepared, name), content);
  } catch (error) {
    // As on a full disk.
    Deno.removeSync(prepared, { recursive: true });
    throw error;
  }
  try {
    Deno.renameSync(prepared, folder);
    return true;
  } catch (error) {
    // A network file system may rename the folder, lose the answer, and fail at its second attempt.
    if (isThere(join(folder, name))) return true;
    Deno.removeSync(prepared, { recursive: true });
    const code = (error as { code?: string }).code ?? "";
    if (["ENOTEMPTY", "EEXIST"].includes(code)) return false;
    throw error;
  }
}

/** Returns the owner of a lock; undefined for a free lock. */
export function readOwner(folder: string): LockOwner | undefined {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      // Opening a file makes a network file system ask its server, instead of its cache, for the time of change.
      using file = Deno.openSync(path);
      const touched = file.statSync().mtime?.getTime() ?? 0;
      return { file: path, record: recordOf(Deno.readTextFileSync(path)), touched };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

function recordOf(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
