/** Everything that the floor plan forbids, and the table of what the repository looks like. */

import { type Length, rustFunctions, typescriptFunctions } from "./functions.ts";
import { allImports, importBreaches, roomOf, TABLES } from "./imports.ts";
import { mentionBreaches } from "./mentions.ts";
import { FILE_LINES, FUNCTION_LINES, TABLE_FILES } from "./rooms.ts";
import type { Sources } from "./sources.ts";

/** Returns one line for each breach of the floor plan, sorted. */
export function breaches(sources: Sources): string[] {
  return [
    ...importBreaches(sources),
    ...mentionBreaches(sources),
    ...flatFiles(sources),
    ...unknownRooms(sources),
    ...unitsWithoutSource(sources),
    ...longFunctions(sources),
    ...longFiles(sources),
  ].sort();
}

/** Files beside the rooms, where rooms alone belong. */
function flatFiles(sources: Sources): string[] {
  const files = new Set(["native/src/lib.rs"]);
  for (const { folder, rooms } of TABLES) rooms.forEach(({ name }) => files.add(folder + name));
  return [...sources.keys()].flatMap((path) => {
    const isFlat = TABLES.some(({ folder }) => path.startsWith(folder)) &&
      path.replace(/^native\//, "").split("/").length === 2;
    return isFlat && !files.has(path) ? [`${path} lies flat`] : [];
  });
}

/** Folders of a table's folder that the table does not name. */
function unknownRooms(sources: Sources): string[] {
  const folders = [...sources.keys()].flatMap((path) => {
    const table = TABLES.find(({ folder }) => path.startsWith(folder));
    const name = table === undefined ? "" : path.slice(table.folder.length).split("/")[0] ?? "";
    const isKnown = table?.rooms.some((room) => room.name === name) ?? true;
    return isKnown || name.includes(".") ? [] : [`${table?.folder}${name}/`];
  });
  return [...new Set(folders)].map((folder) => `${folder} is no room`);
}

/** Unit tests whose file of src/ is not there. */
function unitsWithoutSource(sources: Sources): string[] {
  return [...sources.keys()].flatMap((path) => {
    const [, unit] = /^tests\/unit\/(.*)_test\.ts$/.exec(path) ?? [];
    return unit === undefined || sources.has(`src/${unit}.ts`) ? [] : [`${path} has no source`];
  });
}

/** Returns the functions of src/, generated files apart, the longest first. */
export function functionsOfSrc(sources: Sources): Length[] {
  return longestFirst(
    [...sources].flatMap(([path, source]) =>
      /^src\/.*(?<!\.gen)\.ts$/.test(path) ? typescriptFunctions(path, source) : []
    ),
  );
}

/** Returns the functions of native/src/, tests apart, the longest first. */
export function functionsOfNative(sources: Sources): Length[] {
  return longestFirst(
    [...sources].flatMap(([path, source]) =>
      isNativeCode(path) ? rustFunctions(path, withoutTests(source)) : []
    ),
  );
}

function longestFirst(functions: Length[]): Length[] {
  return functions.sort((one, other) => other.lines - one.lines);
}

function longFunctions(sources: Sources): string[] {
  return functionsOfSrc(sources).filter(({ lines }) => lines > FUNCTION_LINES).map((
    { path, name },
  ) => `${path} has a long function: ${name}`);
}

function isNativeCode(path: string): boolean {
  return /^native\/src\/.*\.rs$/.test(path) && !/(?:^|\/)tests(?:\.rs|\/)/.test(path);
}

/** Returns a Rust source up to the tests at its end. */
function withoutTests(source: string): string {
  return source.split(/^#\[cfg\(test\)\]\n(?:pub(?:\(crate\))? )?mod \w+ \{/m, 1)[0] ?? "";
}

/** Returns the files of src/ and native/src/ with more lines than a reader wants, tests apart. */
export function filesAbove(
  sources: Sources,
  limit = FILE_LINES,
): { path: string; lines: number }[] {
  return [...sources].flatMap(([path, source]) => {
    if (!/^src\/.*\.ts$/.test(path) && !isNativeCode(path)) return [];
    const lines = withoutTests(source).trimEnd().split("\n").length;
    return lines > limit ? [{ path, lines }] : [];
  }).sort((one, other) => other.lines - one.lines);
}

function longFiles(sources: Sources): string[] {
  return filesAbove(sources).filter(({ path }) => !TABLE_FILES.includes(path)).map(({ path }) =>
    `${path} is a long file`
  );
}

/** Returns for each room of a table the rooms that its files import. */
export function arrowsBetweenRooms(sources: Sources, folder: string): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>();
  for (const { from, to } of allImports(sources)) {
    if (!from.startsWith(folder) || !to.startsWith(folder) || from === "native/src/lib.rs") {
      continue;
    }
    const [own, other] = [roomOf(from, folder), roomOf(to, folder)];
    if (!arrows.has(own)) arrows.set(own, new Set());
    if (own !== other) arrows.get(own)?.add(other);
  }
  return arrows;
}

/** Returns the sets of nodes that reach each other, each of at least two. */
export function circles(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reached = new Map([...arrows.keys()].map((node) => [node, reachableFrom(node, arrows)]));
  const found = new Map<string, string[]>();
  for (const node of arrows.keys()) {
    const circle = [...reached.get(node) ?? []].filter((other) => reached.get(other)?.has(node));
    if (circle.length > 1) found.set(circle.sort().join(), circle);
  }
  return [...found.values()];
}

function reachableFrom(
  node: string,
  arrows: ReadonlyMap<string, ReadonlySet<string>>,
): Set<string> {
  const reached = new Set<string>();
  const open = [node];
  while (open.length > 0) {
    for (const next of arrows.get(open.pop() ?? "") ?? []) {
      if (!reached.has(next)) open.push(next);
      reached.add(next);
    }
  }
  return reached;
}
