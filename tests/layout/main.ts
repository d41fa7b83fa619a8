/**
 * Prints what the repository looks like: rooms and the arrows between them, circles, the longest functions, files that
 * are too long, breaches of the floor plan.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CommandSpec, Values } from "../../src/base/command_line.ts";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { runProgram } from "../../src/base/program.ts";
import { PAGE, withTables } from "./page.ts";
import {
  arrowsBetweenRooms,
  breaches,
  circles,
  filesAbove,
  functionsOfNative,
  functionsOfSrc,
} from "./plan.ts";
import { FILE_LINES, FUNCTION_LINES } from "./rooms.ts";
import { roomOf, TABLES } from "./imports.ts";
import { readSources, type Sources } from "./sources.ts";

/** The checkout that this file belongs to. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

const LAYOUT = {
  name: "layout",
  summary: "Prints the rooms of the sources, their arrows, long functions and long files",
  options: {
    breaches: {
      option: "breaches",
      value: { kind: "flag" },
      help: "Print the breaches of the floor plan alone",
      default: false,
    },
    write: {
      option: "write",
      value: { kind: "flag" },
      help: "Print nothing; put the tables of the plan into docs/architecture.md",
      default: false,
    },
  },
} as const satisfies CommandSpec;

/** Functions to print of each side. */
const LONGEST = 10;

function* report(sources: Sources): Generator<string> {
  for (const { folder } of TABLES) yield* reportRooms(sources, folder);
  for (
    const [where, functions] of [
      [`src/ (at most ${FUNCTION_LINES} lines)`, functionsOfSrc(sources)],
      ["native/src/ (clippy counts: native/clippy.toml)", functionsOfNative(sources)],
    ] as const
  ) {
    yield `\nlongest of ${functions.length} functions of ${where}`;
    for (const { path, name, line, lines } of functions.slice(0, LONGEST)) {
      yield `  ${String(lines).padStart(4)}  ${name}  ${path}:${line}`;
    }
  }
  yield `\nfiles above ${FILE_LINES} lines, tests apart`;
  for (const { path, lines } of filesAbove(sources)) {
    yield `  ${String(lines).padStart(4)}  ${path}`;
  }
  yield `\nbreaches of the floor plan: ${breaches(sources).length}`;
}

function* reportRooms(sources: Sources, folder: string): Generator<string> {
  const arrows = arrowsBetweenRooms(sources, folder);
  const { rooms } = TABLES.find((table) => table.folder === folder) ?? { rooms: [] };
  yield `\n${folder}: room, files, lines, arrows to`;
  for (const { name } of rooms) {
    const room = roomOf(folder + name, folder);
    const files = [...sources].filter(([path]) =>
      path.startsWith(folder) && roomOf(path, folder) === room && /\.(?:ts|rs)$/.test(path)
    );
    const lines = files.reduce((sum, [, text]) => sum + text.trimEnd().split("\n").length, 0);
    const counts = `${String(files.length).padStart(4)} ${String(lines).padStart(6)}`;
    yield `  ${name.padEnd(15)} ${counts}  ${[...arrows.get(room) ?? []].sort().join(" ")}`;
  }
  const number = [...arrows.values()].reduce((sum, { size }) => sum + size, 0);
  const found = circles(arrows).map((circle) => circle.join(" ")).join("; ");
  yield `  arrows: ${number}, circles: ${circles(arrows).length}${found && ` (${found})`}`;
}

function main({ breaches: only, write }: Values<typeof LAYOUT.options>): ExitCode {
  const sources = readSources(ROOT);
  if (write) {
    Deno.writeTextFileSync(join(ROOT, PAGE), withTables(sources.get(PAGE) ?? ""));
  } else {
    const lines = only ? breaches(sources) : [...report(sources)];
    console.log(lines.join("\n").trimStart());
  }
  return ExitCode.ok;
}

if (import.meta.main) await runProgram(LAYOUT, main);
