/** The tables of docs/architecture.md, generated from the floor plan. */

import { NATIVE_ROOMS, type Room, SRC_ROOMS, TEST_ROOMS } from "./rooms.ts";

/** The page that has the tables, as a path in the repository. */
export const PAGE = "docs/architecture.md";

/** Returns the page with each generated table put anew between its marks. */
export function withTables(page: string): string {
  const tables = {
    "rooms of src": roomsTable(SRC_ROOMS, "may import"),
    "rooms of native": inOrder(NATIVE_ROOMS),
    "rooms of tests": roomsTable(TEST_ROOMS, "may import, beside src/ and mod.ts"),
    "house of src": house(SRC_ROOMS),
  };
  return Object.entries(tables).reduce(
    (text, [name, table]) => text.replace(between(name), (_, head, tail) => head + table + tail),
    page,
  );
}

function between(name: string): RegExp {
  const start = `<!-- ${name}: deno task layout --write -->\\n<!-- deno-fmt-ignore-start -->\\n\\n`;
  return new RegExp(`(${start})(?:(?!<!--)[^])*?(\\n\\n<!-- deno-fmt-ignore-end -->)`);
}

/** Returns a diagram of the rooms: an arrow for each import that does not follow from others, longest ways on top. */
function house(rooms: readonly Room[]): string {
  const plan = new Map(rooms.map(({ name, mayImport }) => [name, mayImport]));
  const below = (name: string): Set<string> =>
    new Set((plan.get(name) ?? []).flatMap((other) => [other, ...below(other)]));
  const arrows = rooms.flatMap(({ name, mayImport }) => {
    const others = (other: string): string[] => mayImport.filter((one) => one !== other);
    return mayImport.filter((other) => !others(other).some((one) => below(one).has(other)))
      .map((other) => `  ${idOf(name)} --> ${idOf(other)}`);
  });
  const nodes = rooms.map(({ name }) => `  ${idOf(name)}["${folderOf(name)}"]`);
  return ["```mermaid", "flowchart TD", ...nodes.toReversed(), ...arrows.toReversed(), "```"]
    .join("\n");
}

function idOf(name: string): string {
  return name.replace(".", "_");
}

/** Returns a table of rooms that may use every room above their own line. */
function inOrder(rooms: readonly Room[]): string {
  const rows = rooms.map(({ name, holds }) => `| \`${folderOf(name)}\` | ${holds} |`);
  return ["| room | holds |", "| --- | --- |", ...rows].join("\n");
}

function folderOf(name: string): string {
  return name.includes(".") ? name : `${name}/`;
}

function roomsTable(rooms: readonly Room[], imports: string): string {
  const rows = rooms.map(({ name, holds, mayImport }) =>
    `| \`${folderOf(name)}\` | ${holds} | ${mayImport.join(", ") || "nothing"} |`
  );
  return [`| room | holds | ${imports} |`, "| --- | --- | --- |", ...rows].join("\n");
}
