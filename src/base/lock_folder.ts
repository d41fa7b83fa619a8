/**
 * A lock that is a folder with one file in it, named after its owner.
 *
 * Taking it is renaming a prepared folder to the lock's name, which the system refuses while the folder there is not
 * empty (no flock: not every network file system has it). Releasing it, or breaking the lock of a process that is
 * gone, is removing that one file. So nobody can remove a lock that another one has just taken.
 *
 * @module
 */

import { join } from "node:path";

/** Owner of a lock, as the lock's file describes it. */
export interface LockOwner {
  file: string;
  /** The file's JSON; empty where it is none. */
  record: Record<string, unknown>;
  /** When the file was last written, in milliseconds. */
  touched: number;
}

/** Takes a lock that is free. @returns whether it was */
export function tryTake(
  folder: string,
  { name, content }: { name: string; content: string },
): boolean {
  const prepared = `${folder}.${name}`;
  Deno.mkdirSync(prepared);
  Deno.writeTextFileSync(join(prepared, name), content);
  try {
    Deno.renameSync(prepared, folder);
    return true;
  } catch (error) {
    // A network file system may do it, lose its own answer, and try again in vain.
    if (isThere(join(folder, name))) return true;
    Deno.removeSync(prepared, { recursive: true });
    const code = (error as { code?: string }).code ?? "";
    if (["ENOTEMPTY", "EEXIST"].includes(code)) return false;
    throw error;
  }
}

/** The owner, or undefined when the lock is free. */
export function readOwner(folder: string): LockOwner | undefined {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      // Opened first: a network file system then asks its server, and does not answer from memory.
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
