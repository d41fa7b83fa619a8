/** The repository's own text files. */

import { join } from "node:path";

/** Text of each file by its path in the repository; pictures and records of runs have none. */
export type Sources = ReadonlyMap<string, string>;

/** Folders that hold no source: what set-up, builds, runs and fuzzing leave there. */
const SKIPPED = new Set([".git", ".byol", "node_modules", "runs", "replays", "target", "corpus"]);
const TEXT =
  /\.(?:ts|rs|toml|json|md|py|cpp|cuh|c|h|sh|sbatch|def|cff|lock)$|^\.ci\/run$|^LICENSE$/;

const WITHOUT_TEXT = /\.(?:png|jsonl)$/;

/** Reads every text file below a folder that is a checkout of this repository. */
export function readSources(root: string): Sources {
  return new Map(
    pathsBelow(root, "").sort().map((path) => [
      path,
      WITHOUT_TEXT.test(path) ? "" : Deno.readTextFileSync(join(root, path)),
    ]),
  );
}

function pathsBelow(root: string, folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory, isFile }) => {
    const path = `${folder}${name}`;
    if (isDirectory) return SKIPPED.has(name) ? [] : pathsBelow(root, `${path}/`);
    return isFile && (TEXT.test(path) || WITHOUT_TEXT.test(path)) ? [path] : [];
  });
}
