/** Search for runs below a folder. */

import { join } from "node:path";
import { isSystemError } from "../../base/expected.ts";

/** Deepest level of folders that are looked into. */
const DEEPEST = 6;

/**
 * Returns the relative paths of all folders of runs below a folder, sorted; "." for the folder itself. Links are
 * followed. Folders that cannot be read are left out.
 */
export function runsBelow(root: string): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  look(".", 0);
  return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));

  function look(path: string, depth: number): void {
    const entries = entriesOf(join(root, path), seen);
    if (entries.some(({ name }) => name === "metrics.jsonl")) {
      found.push(path);
      return;
    }
    if (depth === DEEPEST) return;
    for (const { name, isFile } of entries) {
      if (!isFile && !name.startsWith(".")) look(join(path, name), depth + 1);
    }
  }
}

/** Returns the entries of a folder; none where it is no folder, cannot be read, or was seen before. */
function entriesOf(path: string, seen: Set<string>): Deno.DirEntry[] {
  try {
    const { isDirectory, dev, ino } = Deno.statSync(path);
    const key = `${dev}:${ino ?? path}`;
    if (!isDirectory || seen.has(key)) return [];
    seen.add(key);
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}
