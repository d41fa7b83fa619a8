/**
 * Lists of image files: CSV with a line of column names, or JSON lines. The columns are `path` (relative to the list's
 * folder, or absolute), `label` and `split`; labels are optional for training without evaluations, and without splits all
 * images are trained on.
 *
 * @module
 */

import { createRequire } from "node:module";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import type { FileList } from "../native/data_job.ts";
import { TEST_NAMES, TRAIN_NAMES } from "./split_names.ts";

/** The halves of a list. */
export interface ListedHalves {
  train: FileList;
  /** Images to test on; undefined where the list has no such split. */
  test: FileList | undefined;
}

/** One image of a list. */
interface Row {
  /** Line of the list, from 1. */
  line: number;
  path: string;
  label: string | undefined;
  isTest: boolean;
}

const SUFFIXES = [".csv", ".jsonl"];
const COLUMNS = ["path", "label", "split"];
const EXPECTED =
  "expected the columns path, label and, for images to test on, split (docs/imagenet.md)";

/** Returns true for the path of a list, by its suffix. */
export function isFileList(path: string): boolean {
  return SUFFIXES.includes(extname(path).toLowerCase());
}

/** The list that was read last: a command asks for it several times. */
let last: { key: string; halves: ListedHalves } | undefined;

/**
 * Reads a list. Classes have the order of their names, or of their numbers where all labels are whole numbers; images have
 * that of their paths.
 *
 * @throws UserError (data) that names the line
 */
export function readFileList(path: string): ListedHalves {
  const place = resolve(path);
  if (!exists(place)) throw refused(path, `it does not exist, ${EXPECTED}`);
  const { mtime, size } = Deno.statSync(place);
  const key = `${place} ${mtime?.getTime()} ${size}`;
  if (last?.key === key) return last.halves;
  const rows = rowsOf(path);
  requireRows(path, rows);
  const [train, test] = [false, true].map((isTest) => rows.filter((row) => row.isTest === isTest));
  if (train!.length === 0) {
    throw refused(
      path,
      `all its images are to test on, expected images of the split ${TRAIN_NAMES[0]}`,
    );
  }
  const halves = {
    train: listOf(place, train!),
    test: test!.length === 0 ? undefined : listOf(place, test!),
  };
  last = { key, halves };
  return halves;
}

function refused(path: string, reason: string): UserError {
  return new UserError(`Cannot use ${path}: ${reason}`, ExitCode.data);
}

function rowsOf(path: string): Row[] {
  const text = Deno.readTextFileSync(path);
  const records = extname(path).toLowerCase() === ".csv"
    ? fromCsv(path, text)
    : fromJson(path, text);
  return records.map(([line, record]) => rowOf(path, line, record));
}

type Numbered = [line: number, record: Readonly<Record<string, unknown>>];

function fromCsv(path: string, text: string): Numbered[] {
  let columns: string[] = [];
  try {
    const records = csvParser()(text, {
      bom: true,
      columns: (names: string[]) => columns = names.map((name) => name.trim()),
      info: true,
      skip_empty_lines: true,
    });
    requireColumns(path, columns);
    return records.map(({ record, info }) => [info.lines, record]);
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("CSV_")) {
      throw refused(path, `it is no CSV: ${error.message}`);
    }
    throw error;
  }
}

/** csv-parse's function, as far as it is used here: a program that imports mod.ts by its path knows none of its types. */
type CsvParser = (
  text: string,
  options: {
    bom: true;
    columns: (names: string[]) => string[];
    info: true;
    skip_empty_lines: true;
  },
) => { record: Record<string, string>; info: { lines: number } }[];

/**
 * Returns csv-parse's function. It is loaded for a list of CSV alone: other trainings run without npm packages.
 *
 * @throws UserError (set-up) where the package is missing
 */
function csvParser(): CsvParser {
  try {
    return createRequire(import.meta.url)("csv-parse/sync").parse;
  } catch (error) {
    if ((error as { code?: string }).code !== "MODULE_NOT_FOUND") throw error;
    throw new UserError(
      "Cannot read CSV: the npm package csv-parse is not installed; run with network: deno task setup",
      ExitCode.setup,
    );
  }
}

function requireColumns(path: string, columns: readonly string[]): void {
  if (columns.includes("path")) return;
  throw refused(
    path,
    `its first line has no column path but ${columns.join(", ") || "none"}, ${EXPECTED}`,
  );
}

function fromJson(path: string, text: string): Numbered[] {
  return text.split("\n").flatMap((json, index): Numbered[] => {
    if (json.trim() === "") return [];
    const record = parsed(json);
    if (record !== undefined) return [[index + 1, record]];
    throw refused(path, `line ${index + 1} is no JSON object, ${EXPECTED}`);
  });
}

function parsed(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function rowOf(list: string, line: number, record: Readonly<Record<string, unknown>>): Row {
  const [path, label, split] = COLUMNS.map((column) => textIn(record[column]));
  // A control character would break lines of logs and of shards' indices.
  if (path === undefined || /\p{Cc}/u.test(path) || basename(path) === "") {
    throw refused(
      list,
      `line ${line} has the path ${JSON.stringify(record.path ?? "")}, expected that of a file`,
    );
  }
  if (label !== undefined && /\p{Cc}/u.test(label)) {
    throw refused(
      list,
      `line ${line} has the label ${JSON.stringify(label)}, expected no control characters`,
    );
  }
  return { line, path, label, isTest: split !== undefined && isTestSplit(list, line, split) };
}

/** Returns a cell as text; undefined for an empty or missing one. */
function textIn(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

function isTestSplit(list: string, line: number, split: string): boolean {
  const isAmong = (names: readonly string[]): boolean => names.includes(split.toLowerCase());
  if (isAmong(TEST_NAMES)) return true;
  if (isAmong(TRAIN_NAMES)) return false;
  throw refused(
    list,
    `line ${line} has the split ${split}, expected one of ${
      [...TRAIN_NAMES, ...TEST_NAMES].join(", ")
    }`,
  );
}

/** Refuses a list without images, with a label for some only, with a file twice, and one whose first file is missing. */
function requireRows(path: string, rows: readonly Row[]): void {
  const [first] = rows;
  if (first === undefined) throw refused(path, `it names no image, ${EXPECTED}`);
  const other = rows.find(({ label }) => (label === undefined) !== (first.label === undefined));
  if (other !== undefined) {
    const without = first.label === undefined ? first : other;
    throw refused(
      path,
      `line ${without.line} has no label, expected a label on each line, or on none`,
    );
  }
  const lines = new Map<string, number>();
  for (const { path: file, line } of rows) {
    const before = lines.get(file);
    if (before !== undefined) {
      throw refused(
        path,
        `lines ${before} and ${line} both name ${file}, expected each image once`,
      );
    }
    lines.set(file, line);
  }
  const file = isAbsolute(first.path) ? first.path : join(dirname(resolve(path)), first.path);
  if (!exists(file)) {
    throw refused(
      path,
      `line ${first.line} names ${file}, which does not exist: expected paths relative to the list's folder, or absolute`,
    );
  }
}

function listOf(place: string, rows: readonly Row[]): FileList {
  const classes = [...new Set(rows.map(({ label }) => label ?? ""))].sort(inOrder);
  const numbers = new Map(classes.map((name, number) => [name, number]));
  const folders = new Map<string, FileList["folders"][number]>();
  for (const { path, label } of rows) {
    const slash = path.lastIndexOf("/");
    const folder = slash === 0 ? "/" : path.slice(0, Math.max(0, slash));
    const number = numbers.get(label ?? "")!;
    const key = `${number} ${folder}`;
    const found = folders.get(key) ?? { class: number, path: folder, files: [] };
    found.files.push(path.slice(slash + 1));
    folders.set(key, found);
  }
  const sorted = [...folders.values()].sort((a, b) =>
    a.class - b.class || (a.path < b.path ? -1 : 1)
  );
  sorted.forEach(({ files }) => files.sort());
  return { place, root: dirname(place), classes, folders: sorted };
}

/** Compares labels as numbers where both are whole numbers, so that class 10 follows class 9, and as text otherwise. */
function inOrder(a: string, b: string): number {
  const areNumbers = [a, b].every((label) => /^\d{1,15}$/.test(label));
  return areNumbers ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
}
