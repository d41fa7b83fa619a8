import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../../src/setup/record.ts";
import {
  DENO_VERSION,
  LIBTORCH_SERIES,
  LIBTORCH_VERSION,
  TORCHVISION_VERSION,
} from "../../../src/setup/versions.ts";

const read = (path: string): string => Deno.readTextFileSync(join(projectRoot, path));
const MANIFEST = read("native/Cargo.toml");
const series = (version: string): string => version.split(".").slice(0, 2).join(".");

/** Pages and scripts; what pages measured with another version stays what it was, as does the history. */
function pages(): string[] {
  const docs = [...Deno.readDirSync(join(projectRoot, "docs"))].map(({ name }) => `docs/${name}`);
  return [
    "README.md",
    "CONTRIBUTING.md",
    ".ci/run",
    ...docs.filter((path) => path.endsWith(".md") && path !== "docs/performance.md"),
  ].sort();
}

/** Which lines of the pages name another version than the one expected, and how many name one. */
function mentions(pattern: RegExp, expected: string): { wrong: string[]; count: number } {
  const found = pages().flatMap((path) =>
    [...read(path).matchAll(pattern)].map(([text, version]) => ({ text, version, path }))
  );
  const wrong = found.filter(({ version }) => version !== expected);
  return { wrong: wrong.map(({ path, text }) => `${path}: ${text}`), count: found.length };
}

Deno.test("pages and scripts name the versions that are written once", () => {
  const rust = /^rust-version = "([\d.]+)"$/m.exec(MANIFEST)?.[1] ?? "";
  const cases: [pattern: RegExp, expected: string, least: number][] = [
    [/\bdeno@([\d.]*\d)/g, DENO_VERSION, 6],
    [/\bcargo\s+(?:≥\s+)?(\d+\.\d+)/g, rust, 2],
    [/\blibtorch\s+(\d+\.\d+(?:\.\d+)?)/g, LIBTORCH_SERIES, 2],
    // Older than 1.6 is a fact about files.
    [/\bPyTorch\s+([02-9]\.\d+)\b/g, LIBTORCH_SERIES, 1],
    [/\btorchvision\s+(\d+\.\d+)/g, series(TORCHVISION_VERSION), 1],
  ];
  for (const [pattern, expected, least] of cases) {
    const { wrong, count } = mentions(pattern, expected);
    deepEqual(wrong, [], `expected ${expected}`);
    ok(count >= least, `${count} mentions of ${pattern}, expected ${least} or more`);
  }
});

Deno.test("tch is one version, which says the PyTorch that it pairs with", () => {
  const tch = /^tch = \{ version = "=([\d.]+)"/m.exec(MANIFEST)?.[1];
  const sys = /^torch-sys = \{ version = "=([\d.]+)"/m.exec(MANIFEST)?.[1];
  equal(tch, sys);
  const pair = /^# tch ([\d.]+) pairs with PyTorch ([\d.]+) exactly/m.exec(MANIFEST);
  deepEqual(pair?.slice(1), [tch, LIBTORCH_VERSION]);
  equal(LIBTORCH_VERSION.startsWith(`${LIBTORCH_SERIES}.`), true);
});
