/** Operations on files that may be missing. */

import { resolve } from "node:path";

/** Returns true where a file or folder exists; links are followed. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/**
 * Returns true where two paths lead to the same file or folder, also by a link, a bind mount or an automounter's name;
 * paths that cannot be looked at are compared as text.
 */
export function isSamePath(one: string, other: string): boolean {
  if (resolve(one) === resolve(other)) return true;
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.ino !== null && a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** Returns the text of a file; undefined where the file is missing. */
export function readIfThere(path: string): string | undefined {
  return exists(path) ? Deno.readTextFileSync(path) : undefined;
}

/**
 * Returns the text of a file; refuses pipes and devices, whose text may never end.
 *
 * @throws what Deno throws where the file is missing or cannot be read, and for a pipe or a device
 */
export function readTextOfFile(path: string): string {
  const { isFile, isDirectory } = Deno.statSync(path);
  if (!isFile && !isDirectory) {
    throw new Deno.errors.NotSupported(`${path} is a pipe or a device, expected a file`);
  }
  return Deno.readTextFileSync(path);
}

/** Removes a file; does nothing where the file is missing. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a file or a whole folder; does nothing where it is missing. */
export async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Returns the system's message of an error, without the call that Deno appends. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/\s*\(os error \d+\).*$/s, "");
}
