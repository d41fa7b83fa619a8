/** Folders that a command makes for its output, and removes again where it writes none. */

import { dirname } from "node:path";
import { isSystemError } from "./expected.ts";
import { exists } from "./files.ts";

/** Returns the folders that are missing on the way to one, innermost first: those that creating it would make. */
export function missingFolders(path: string): string[] {
  const missing: string[] = [];
  try {
    for (let at = path; !exists(at) && !missing.includes(at); at = dirname(at)) missing.push(at);
  } catch (error) {
    // A path that cannot be looked at: creating it tells why.
    if (!isSystemError(error)) throw error;
  }
  return missing;
}

/** Removes those of the folders that are empty; innermost first, so that a folder of removed ones is empty, too. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      Deno.removeSync(folder);
    } catch (error) {
      // Gone already, or in use by somebody else.
      if (!isSystemError(error)) throw error;
    }
  }
}
