/** Paths that prose names: docs, comments, job scripts. */

import { posix } from "node:path";
import type { Sources } from "./sources.ts";
import { rustTokens, typescriptTokens } from "./tokens.ts";

/** A path with a folder of this repository in front. */
const PATH = /(?<![\w/.@<>}{$*:-])(?:src|native|tests|bench|docs|slurm|examples|\.ci)\/[\w./-]*\w/g;
/** A source file's name, with or without folders. */
const SOURCE_FILE = /(?<![\w/.@<>}{$*:-])[\w-]+(?:\/[\w-]+)*\.(?:ts|rs|cpp|cuh)(?![\w/])/g;
/** Names of files that are not meant to be of this repository, and folders that a build makes. */
const ELSEWHERE = new Set(["native/target"]);

/** Returns one line for each path that a file's prose names and that is not there. */
export function mentionBreaches(sources: Sources): string[] {
  const known = knownPaths(sources);
  return [...sources].flatMap(([path, source]) => {
    const prose = proseOf(path, source);
    const names = [...prose.matchAll(PATH), ...prose.matchAll(SOURCE_FILE)].map(([name]) => name);
    return [...new Set(names)].filter((name) => !isThere(name, path, known)).map((name) =>
      `${path} names ${name}`
    );
  });
}

/** Returns comments of code, the strings of what is no test as well, and all of any other file. */
function proseOf(path: string, source: string): string {
  if (path.endsWith(".lock")) return "";
  if (/\.(?:cpp|cuh|c|h)$/.test(path)) {
    return source.match(/\/\/.*|\/\*[^]*?\*\//g)?.join("\n") ?? "";
  }
  if (!/\.(?:ts|rs)$/.test(path)) return source;
  const isTest = path.startsWith("tests/");
  const tokens = path.endsWith(".ts") ? typescriptTokens(source) : rustTokens(source);
  return tokens.filter(({ kind, text }) =>
    kind === "comment" || (kind === "string" && !isTest && !/^["']\.\.?\//.test(text))
  ).map(({ text }) => text).join("\n");
}

/** Returns every file and folder, and every file's name without its folders. */
function knownPaths(sources: Sources): Set<string> {
  const known = new Set<string>();
  for (const path of sources.keys()) {
    known.add(posix.basename(path));
    for (let at = path; at !== "."; at = posix.dirname(at)) known.add(at);
  }
  return known;
}

/** A name may start at the root, at src/, native/ or tests/, or at the folder of the file that has it. */
function isThere(name: string, path: string, known: Set<string>): boolean {
  if (ELSEWHERE.has(name)) return true;
  const starts = ["", "src/", "native/", "native/src/", "tests/", `${posix.dirname(path)}/`];
  return starts.some((start) => known.has(posix.normalize(`${start}${name}`)));
}
