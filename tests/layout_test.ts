/** The floor plan of tests/layout/rooms.ts holds. It reads text alone: no set-up, no permission but to read. */

import assert from "node:assert/strict";
import { ERRORS } from "./campaigns/planted_errors/errors.ts";
import { rustFunctions, typescriptFunctions } from "./layout/functions.ts";
import { rustImports, TABLES, typescriptImports } from "./layout/imports.ts";
import { ROOT } from "./layout/main.ts";
import { PAGE, withTables } from "./layout/page.ts";
import { arrowsBetweenRooms, breaches, circles } from "./layout/plan.ts";
import { readSources } from "./layout/sources.ts";

const sources = readSources(ROOT);

Deno.test("the floor plan has no breach", () => {
  assert.deepEqual(breaches(sources), [], "mend these (tests/layout/rooms.ts has the plan)");
});

Deno.test("each table is in order: a room imports rooms above its own line", () => {
  for (const { rooms } of TABLES) {
    const names = rooms.map(({ name }) => name);
    rooms.forEach(({ name, mayImport }, index) => {
      for (const other of mayImport) {
        assert(names.indexOf(other) >= 0 && names.indexOf(other) < index, `${name}: ${other}`);
      }
    });
  }
});

for (
  const [what, path, text, breach] of [
    [
      "an import upwards",
      "src/base/planted.ts",
      'export { train } from "../commands/train/main.ts";',
      "src/base/planted.ts imports src/commands/train/main.ts",
    ],
    [
      "an import of a type upwards",
      "src/native/planted.ts",
      'import type { RunConfig } from "../options/parse.ts";',
      "src/native/planted.ts imports src/options/parse.ts",
    ],
    [
      "an import upwards while the program runs",
      "src/recipes/planted.ts",
      'export const run = async () => await import("../run/lock.ts");',
      "src/recipes/planted.ts imports src/run/lock.ts",
    ],
    [
      "a test that imports a bench",
      "tests/unit/base/event_loop_test.ts",
      'import { median } from "../../../bench/statistics.ts";',
      "tests/unit/base/event_loop_test.ts imports bench/statistics.ts",
    ],
    ["a folder that is no room", "src/planted/a.ts", "", "src/planted/ is no room"],
    ["a file beside the rooms", "src/planted.ts", "", "src/planted.ts lies flat"],
    ["a flat file of Rust", "native/src/planted.rs", "", "native/src/planted.rs lies flat"],
    [
      "a unit test of nothing",
      "tests/unit/base/planted_test.ts",
      "",
      "tests/unit/base/planted_test.ts has no source",
    ],
    [
      "a Rust room that uses one below",
      "native/src/torch/planted.rs",
      "use crate::{error::Result, training::{learner, trace}};",
      "native/src/torch/planted.rs imports native/src/training",
    ],
    [
      "a page that names a lost file",
      "docs/planted.md",
      "The rates are those of `src/planted/schedules.ts`.",
      "docs/planted.md names src/planted/schedules.ts",
    ],
    [
      "a comment that names a lost file",
      "bench/planted.ts",
      "// See planted_schedules.ts.",
      "bench/planted.ts names planted_schedules.ts",
    ],
    [
      "a long function",
      "src/base/planted.ts",
      `export function planted(): void {\n${"  print();\n".repeat(59)}}`,
      "src/base/planted.ts has a long function: planted",
    ],
    [
      "a long file",
      "src/base/planted.ts",
      "x;\n".repeat(401),
      "src/base/planted.ts is a long file",
    ],
  ] as const
) {
  Deno.test(`${what} is a breach`, () => {
    const others = ["src/base/event_loop.ts"].map((other) => [other, ""] as const);
    assert.deepEqual(breaches(new Map([...others, [path, text]])), [breach]);
  });
}

Deno.test("the tables of docs/architecture.md are those of the plan", () => {
  const page = sources.get(PAGE) ?? "";
  assert.equal(withTables(page), page, "run: deno task layout --write");
  assert.notEqual(withTables(page.replace("event loop", "")), page.replace("event loop", ""));
});

Deno.test("no circle between rooms, and a planted one is found", () => {
  for (const { folder } of TABLES) {
    assert.deepEqual(circles(arrowsBetweenRooms(sources, folder)), []);
  }
  const planted = new Map([
    ...sources,
    ["tests/support/planted.ts", 'import "../unit/base/event_loop_test.ts";'],
  ]);
  assert.deepEqual(circles(arrowsBetweenRooms(planted, "tests/")), [["support", "unit"]]);
});

Deno.test("each planted error has its place: a text that stands in its file once, and a test", () => {
  for (const { name, file, right, tests } of ERRORS) {
    assert.equal(sources.get(file)?.split(right).length, 2, `${name}: ${file}`);
    assert(sources.has(tests), `${name}: ${tests}`);
  }
});

Deno.test("imports are read as code: not from strings, templates or comments", () => {
  const source = [
    'import { a } from "./a.ts";',
    "import type { B } from '../b.ts';",
    'import "./c.ts";',
    'export * from "./d.ts";',
    "// import './comment.ts';",
    "const text = `${x ? `import \"./template.ts\"` : 'from'} import './text.ts'`;",
    'const quote = /[/"]/; const e = await import("./e.ts");',
    'const words = ["from", "./words"]; type F = import("./f.ts").F;',
    'const MODULES = { g: "./g.ts" }; await import(MODULES.g);',
  ].join("\n");
  const names = typescriptImports("src/room/file.ts", source).map(({ to }) => to);
  const expected = ["room/a", "b", "room/c", "room/d", "room/e", "room/f", "room/g"];
  assert.deepEqual(names, expected.map((name) => `src/${name}.ts`));
});

Deno.test("Rust paths are read as code: groups, paths in place, climbing past the root of a room", () => {
  const source = [
    "use crate::{error::{Error, Result}, torch, views::{kernels, random}};",
    "use super::super::network::layers; // crate::comment::x",
    "use super::sibling;",
    'fn f<\'a>(x: &\'a str) { $crate::abi::call("crate::text::x", \'"\', r#"crate::raw::y"#); }',
    "mod tests { use super::super::super::data::Dataset; use super::super::cousin; }",
  ].join("\n");
  const names = rustImports("native/src/training/learner.rs", source).map(({ to }) => to);
  const expected = ["error", "torch", "views", "network", "abi", "data"];
  assert.deepEqual(names, expected.map((name) => `native/src/${name}`));
});

Deno.test("a function's lines go from its name to its closing brace", () => {
  const source = [
    "export async function first<T extends { a: 1 }>(", // 1
    "  { a, b = {} }: { a: number; b?: object },",
    "): Promise<{ c: T }[]> {",
    "  if (a) { return [{ c: (x: number): number => { return x; } }]; }",
    '  const text = `}${b ? "}" : `{`}`;',
    "}",
    "class Second {", // 7
    "  #third = (x: string): x is 'a' => {",
    "    return /[}]\\/}/.test(x);",
    "  };",
    "  static async fourth(",
    "  ): Promise<void> {",
    "    for (const x of y()) { z(x); }",
    "  }",
    "}",
    "test('fifth', async () => {", // 16
    "});",
    "const sixth = a ? b(c) : { d };",
  ].join("\n");
  const found = typescriptFunctions("", source).map(({ name, line, lines }) => [name, line, lines]);
  assert.deepEqual(found, [
    ["first", 1, 6],
    ["c", 4, 1],
    ["#third", 8, 3],
    ["fourth", 11, 4],
    ["callback", 16, 2],
  ]);
});

Deno.test("the functions of src/ and tests/ are those that Deno's own parser finds", () => {
  for (const [path, source] of sources) {
    if (!/^(?:src|tests)\/.*\.ts$/.test(path)) continue;
    const found = typescriptFunctions(path, source).map(({ line, lines }) => line + lines - 1);
    assert.deepEqual(sorted(found), sorted(parsedEnds(path, source)), path);
  }
});

/** Returns the last line of each function with a body in braces, read by the parser of `deno lint`. */
function parsedEnds(path: string, source: string): number[] {
  const ends: number[] = [];
  function see({ body }: { body?: Deno.lint.Node | null }): void {
    if (body?.type === "BlockStatement") {
      ends.push(source.slice(0, body.range[1]).split("\n").length);
    }
  }
  const visitor: Deno.lint.LintVisitor = {
    FunctionDeclaration: see,
    FunctionExpression: see,
    ArrowFunctionExpression: see,
  };
  const plugin = { name: "functions", rules: { all: { create: () => visitor } } };
  Deno.lint.runPlugin(plugin, path, source);
  return ends;
}

function sorted(values: number[]): number[] {
  return values.sort((one, other) => one - other);
}

Deno.test("a Rust function's lines go from its name to its closing brace", () => {
  const source = [
    "impl<'a> Some<'a> {",
    "    pub fn first(self, x: [u8; 2], call: fn(u8) -> u8) -> Result<u8>",
    "    where",
    "        T: Fn(u8),",
    "    {",
    "        let c = '{'; // }",
    '        call("}\\"}")',
    "    }",
    "}",
    "trait T { fn nothing(&self); fn second(&self) -> u8 { 1 } }",
  ].join("\n");
  const found = rustFunctions("", source).map(({ name, line, lines }) => [name, line, lines]);
  assert.deepEqual(found, [["first", 2, 7], ["second", 10, 1]]);
});
