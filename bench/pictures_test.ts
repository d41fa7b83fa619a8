/** The pictures of README and docs/: made from today's sources, small, and shown somewhere. */

import { deepEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { FOLDER, LARGEST, PICTURES, type Record, sourcesOf } from "./picture_sources.ts";
import { projectRoot } from "../src/setup/record.ts";

Deno.test("each picture was made from today's sources (deno task pictures makes them again)", () => {
  const record: Record = JSON.parse(Deno.readTextFileSync(join(FOLDER, "pictures.json")));
  const today = Object.keys(PICTURES).map((name) => [name, sourcesOf(name)]);
  deepEqual(record, Object.fromEntries(today));
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
  deepEqual(files.filter((name) => name.endsWith(".png")).sort(), Object.keys(PICTURES).sort());
});

Deno.test("each picture is small, and a page shows it", () => {
  const pages = [
    "README.md",
    ...[...Deno.readDirSync(join(projectRoot, "docs"))]
      .filter(({ name }) => name.endsWith(".md")).map(({ name }) => `docs/${name}`),
  ];
  const text = pages.map((page) => Deno.readTextFileSync(join(projectRoot, page))).join("\n");
  for (const name of Object.keys(PICTURES)) {
    const { size } = Deno.statSync(join(FOLDER, name));
    ok(size <= LARGEST, `${name} has ${size} bytes`);
    ok(text.includes(`pictures/${name}`), `no page shows ${name}`);
  }
});
