/**
 * confusion.json in the folder of a run: the linear probe's answers by class on all images of the last evaluation.
 *
 * @module
 */

import { join } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import { readIfThere } from "../base/files.ts";
import type { RunFolder } from "./folder.ts";

/** The most classes whose answers are kept: the file of so many has about 2 MB. */
export const MOST_CLASSES = 1000;

/** Answers by class of one evaluation. */
export interface Confusion {
  /** Steps trained before the evaluation. */
  step: number;
  /** Names of the classes, in the order of rows and columns. */
  classes: string[];
  /** Numbers of images, a row for each true class, a column for each answer: of the test images, if there are any. */
  confusion: number[][];
  /** The same of the held-out images; absent without `--hold_out`. */
  held_out?: number[][];
  /** "held-out" where there are no test images, and `confusion` is that of the held-out ones. */
  tested_on?: "held-out";
}

/** Returns the path of the file. */
export function confusionFile(folder: RunFolder): string {
  return join(folder.path, "confusion.json");
}

/** Writes the file. @throws the error of Deno where it cannot be written */
export function writeConfusion(folder: RunFolder, found: Confusion): void {
  replaceFile(confusionFile(folder), `${JSON.stringify(found)}\n`);
}

/** Returns the contents of the file; undefined where it is missing or damaged. */
export function readConfusion(folder: RunFolder): Confusion | undefined {
  const text = readIfThere(confusionFile(folder));
  if (text === undefined) return undefined;
  try {
    const found: Partial<Confusion> | null = JSON.parse(text);
    const { step, classes, confusion, held_out: heldOut } = found ?? {};
    const isWhole = Number.isSafeInteger(step) && Array.isArray(classes) &&
      [confusion, heldOut ?? confusion].every((one) => isSquare(one, classes.length));
    return isWhole ? found as Confusion : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function isSquare(found: unknown, side: number): boolean {
  return Array.isArray(found) && found.length === side &&
    found.every((row) =>
      Array.isArray(row) && row.length === side && row.every(Number.isSafeInteger)
    );
}
