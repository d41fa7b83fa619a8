/** The tables of docs/architecture.md, generated from the floor plan. */

import { type Room, SRC_ROOMS, TEST_ROOMS } from "./rooms.ts";

/** The page that has the tables, as a path in the repository. */
export const PAGE = "docs/architecture.md";

/** Returns the page with each generated table put anew between its marks. */
export function withTables(page: string): string {
  const tables = {
    "rooms of src": roomsTable(SRC_ROOMS, "may import"),
    "rooms of tests": roomsTable(TEST_ROOMS, "may import, beside src/ and mod.ts"),
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

function roomsTable(rooms: readonly Room[], imports: string): string {
  const rows = rooms.map(({ name, holds, mayImport }) => {
    const folder = name.includes(".") ? name : `${name}/`;
    return `| \`${folder}\` | ${holds} | ${mayImport.join(", ") || "nothing"} |`;
  });
  return [`| room | holds | ${imports} |`, "| --- | --- | --- |", ...rows].join("\n");
}
