/**
 * The project's words: one word for one thing, the field's own (docs/architecture.md). Each entry is a phrase or an
 * identifier that the field has another word for. Stored keys and the values of options are not renamed: they are listed.
 */

import { deepEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["src", "native", "slurm", "tests", "bench", "docs", "examples", "checkpoints"];
const FILES = ["mod.ts", "README.md", "CONTRIBUTING.md", "deno.json"];
const KINDS = /\.(ts|rs|cpp|h|cuh|py|sh|sbatch|md|json)$/;
/** Fuzz seeds, recorded outputs, build products, and this file, which has to spell the words. */
const LEFT_OUT =
  /^(native\/(target|fuzz\/seeds)|tests\/fixtures|tests\/words_test\.ts|docs\/options\.md)/;

interface Word {
  /** Pattern that no line may hold. */
  pattern: RegExp;
  /** The word to write. */
  write: string;
  /** The kind of file it is looked for in; default: all. */
  kinds?: RegExp;
  /** Lines that may hold the pattern: a stored key, another meaning. */
  unless?: RegExp;
  /** Number of lines that still hold the pattern; it may only fall. */
  left?: number;
}

const CODE = /\.(ts|rs)$/;
const WORDS: readonly Word[] = [
  {
    pattern: /\b(Team|TeamOptions|fromLeader|leaderFirst|agreeToStop)\b/,
    write: "Ranks and its methods",
  },
  { pattern: /\b(Place|discoverPlace)\b/, write: "RankInfo", kinds: /\.ts$/ },
  { pattern: /\b(ALONE|SILENT)\b/, write: "SINGLE_PROCESS, NULL_TERMINAL", kinds: CODE },
  { pattern: /\b(announceViews|announce_views)\b/, write: "prefetchViews" },
  { pattern: /\b(makeCentered|make_centered)\b/, write: "makeCenterCrops" },
  { pattern: /\bteams?\b/i, write: "ranks" },
  {
    pattern:
      /\{ part, parts \}|(?<!large )\bparts? of (a|the|its|each) (step's )?batch\b|\bbatch in parts\b/,
    write: "micro-batch",
  },
  { pattern: /\bOrig\./, write: "the reference program" },
  {
    pattern:
      /\bthe (Python )?original(?! (protocol|file|image|size|bytes|order|archive|one|test)s?\b)/i,
    write: "the reference program",
  },
  { pattern: /\bthe (Python )?replication\b/i, write: "the reference program" },
  {
    pattern: /\b(go|goes|going|went|gone) on\b/i,
    write: "resume (a run), continue (anything else)",
  },
  {
    pattern:
      /\b(a|another|every|each|no later|next|later|earlier|first|second|two|several|both) starts?\b(?! (of|at|with|from|as)\b)/i,
    write: "invocation",
  },
];

/** The opening that a doc comment may not have: it is a verb or a noun phrase. */
const OPENING = /(\/\*\*|^\s*\/\/[/!])\s*(What|Whether|How|Who|Where|That)\b/;
const OPENINGS_LEFT = 0;

interface Line {
  file: string;
  number: number;
  text: string;
}

function linesOf(file: string): Line[] {
  const text = Deno.readTextFileSync(join(ROOT, file));
  return text.split("\n").map((line, index) => ({ file, number: index + 1, text: line }));
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || LEFT_OUT.test(path)) return [];
    if (entry.isDirectory) return filesBelow(path);
    return KINDS.test(entry.name) ? [path] : [];
  });
}

const LINES: readonly Line[] = [...FOLDERS.flatMap(filesBelow), ...FILES].flatMap(linesOf);

function shown(found: readonly Line[]): string {
  return found.slice(0, 20).map(({ file, number, text }) => `\n  ${file}:${number}: ${text.trim()}`)
    .join("");
}

/** The lines of doc comments' openings: a `/**` whose sentence begins in the next line counts by that one. */
function openings(lines: readonly Line[]): Line[] {
  return lines.filter((line, index) => {
    if (!CODE.test(line.file)) return false;
    const before = lines[index - 1];
    const isLater = /^\s*\/\/[/!]/.test(line.text) && before !== undefined &&
      before.file === line.file && /^\s*\/\/[/!]/.test(before.text);
    if (isLater) return false;
    if (/^\s*\/\*\*\s*$/.test(before?.text ?? "") && before?.file === line.file) {
      return OPENING.test(line.text.replace(/^\s*\*\s*/, "/** "));
    }
    return OPENING.test(line.text);
  });
}

for (const { pattern, write, kinds = KINDS, unless, left = 0 } of WORDS) {
  Deno.test(`words: ${write}, in place of ${pattern.source}`, () => {
    const found = LINES.filter(({ file, text }) =>
      kinds.test(file) && pattern.test(text) && !(unless?.test(text) ?? false)
    );
    ok(found.length <= left, `${found.length} lines, allowed ${left}:${shown(found)}`);
  });
}

Deno.test("words: a doc comment opens with a verb or a noun phrase", () => {
  const found = openings(LINES);
  ok(found.length <= OPENINGS_LEFT, `${found.length} openings:${shown(found)}`);
});

Deno.test("words: an opening is found in each form of a doc comment", () => {
  const lines = [
    "/** Whether it runs. */",
    "/**",
    " * How it runs.",
    " */",
    "/// What it is.",
    "/// How.",
  ];
  const found = openings(lines.map((text, index) => ({ file: "a.ts", number: index + 1, text })));
  deepEqual(found.map(({ number }) => number), [1, 3, 5]);
});
