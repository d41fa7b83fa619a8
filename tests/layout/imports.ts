/** Imports of TypeScript files and `crate::` paths of Rust files, and what of them the floor plan forbids. */

import { posix } from "node:path";
import { NATIVE_ROOMS, type Room, SRC_ROOMS, TEST_ROOMS } from "./rooms.ts";
import type { Sources } from "./sources.ts";
import { bracketPairs, rustTokens, type Token, typescriptTokens } from "./tokens.ts";

/** One import: of a file, or in Rust of a room. */
export interface Arrow {
  from: string;
  to: string;
}

/**
 * Returns the files of the repository that a TypeScript file imports: at the start, while it runs, for types. In src/
 * every relative path of a module in a string counts, as `import()` may get it by a variable; in `new URL()` none does.
 */
export function typescriptImports(path: string, source: string): Arrow[] {
  const tokens = typescriptTokens(source).filter(({ kind }) => kind !== "comment");
  const names = tokens.flatMap(({ kind, text }, index) => {
    if (kind !== "string" || !/^["']\.\.?\//.test(text)) return [];
    const [before, further] = [tokens[index - 1]?.text, tokens[index - 2]?.text];
    // A program's file, to be started.
    if (before === "(" && further === "URL") return [];
    const imported = (path.startsWith("src/") && /\.ts["']$/.test(text)) || before === "from" ||
      before === "import" || (before === "(" && further === "import");
    return imported ? [text.slice(1, -1)] : [];
  });
  return [...new Set(names)].map((name) => ({
    from: path,
    to: posix.join(posix.dirname(path), name),
  }));
}

/** Returns the top-level modules of native/src that a Rust file names with `crate::` or by climbing with `super::`. */
export function rustImports(path: string, source: string): Arrow[] {
  const tokens = rustTokens(source).filter(({ kind }) => kind !== "comment");
  const pairs = bracketPairs(tokens);
  const depths = inlineDepths(tokens, pairs);
  const modules = new Set<string>();
  tokens.forEach(({ text }, index) => {
    let at = index;
    if (tokens[index - 1]?.text === "::") return;
    if (text === "super") {
      let depth = moduleDepth(path) + (depths[index] ?? 0);
      for (; tokens[at]?.text === "super"; at += 2) depth--;
      if (depth !== 0) return;
    } else if (text === "crate" || text === "$crate") {
      if (tokens[index + 1]?.text !== "::") return;
      at += 2;
    } else return;
    for (const name of firstNames(tokens, at, pairs)) modules.add(name);
  });
  return [...modules].map((to) => ({ from: path, to: `native/src/${to}` }));
}

/** Returns the number of modules around the code of a file: 0 for lib.rs, 1 for a room's own file. */
function moduleDepth(path: string): number {
  const parts = path.replace("native/src/", "").replace(/(?:^lib|\/mod)?\.rs$/, "").split("/");
  return parts.filter(Boolean).length;
}

/** Returns for each token the number of `mod name { … }` around it. */
function inlineDepths(tokens: readonly Token[], pairs: Map<number, number>): number[] {
  const depths = new Array<number>(tokens.length).fill(0);
  tokens.forEach(({ text }, index) => {
    if (text !== "mod" || tokens[index + 2]?.text !== "{") return;
    const end = pairs.get(index + 2) ?? index;
    for (let inside = index + 2; inside < end; inside++) depths[inside]!++;
  });
  return depths;
}

/** Returns the first name of a path, or of each path of a group `{a::b, c}`. */
function firstNames(tokens: readonly Token[], at: number, pairs: Map<number, number>): string[] {
  const token = tokens[at];
  if (token?.text !== "{") return token?.kind === "word" ? [token.text] : [];
  const names: string[] = [];
  const end = pairs.get(at) ?? at;
  for (let index = at + 1; index < end; index++) {
    const { kind, text } = tokens[index]!;
    if (text === "{") index = pairs.get(index) ?? end;
    else if (kind === "word" && ["{", ","].includes(tokens[index - 1]!.text)) names.push(text);
  }
  return names;
}

/** Returns every import of src/, tests/, bench/, examples/, mod.ts and native/src/. */
export function allImports(sources: Sources): Arrow[] {
  return [...sources].flatMap(([path, source]) => {
    if (path.endsWith(".ts")) return typescriptImports(path, source);
    return /^native\/src\/.*\.rs$/.test(path) ? rustImports(path, source) : [];
  });
}

/** The three tables, each with the folder that its rooms stand in. */
export const TABLES: readonly { folder: string; rooms: readonly Room[] }[] = [
  { folder: "src/", rooms: SRC_ROOMS },
  { folder: "native/src/", rooms: NATIVE_ROOMS },
  { folder: "tests/", rooms: TEST_ROOMS },
];

/** Returns the name of the room that a path stands in; a Rust module's file has the module's name. */
export function roomOf(path: string, folder: string): string {
  return withoutRust(path.slice(folder.length).split("/", 1)[0] ?? "");
}

function withoutRust(name: string): string {
  return name.replace(/\.rs$/, "");
}

/** Returns one line for each import that the floor plan does not allow. */
export function importBreaches(sources: Sources): string[] {
  return allImports(sources).filter((arrow) => !isAllowed(arrow)).map(({ from, to }) =>
    `${from} imports ${to}`
  );
}

function isAllowed({ from, to }: Arrow): boolean {
  // deno.json has the version of the project.
  if (from.startsWith("bench/") || to === "deno.json") return true;
  if (to.startsWith("bench/")) return false;
  const table = TABLES.find(({ folder }) => from.startsWith(folder));
  // mod.ts offers what src/ has; examples use mod.ts alone.
  if (table === undefined) return from === "mod.ts" ? to.startsWith("src/") : to === "mod.ts";
  const { folder, rooms } = table;
  if (!to.startsWith(folder)) return folder === "tests/" && /^(?:src\/|mod\.ts$)/.test(to);
  const [own, other] = [roomOf(from, folder), roomOf(to, folder)];
  const room = rooms.find(({ name }) => withoutRust(name) === own);
  // What lies flat has no room and is a breach of its own.
  if (own === other || room === undefined) return true;
  return room.mayImport.some((name) => withoutRust(name) === other);
}
