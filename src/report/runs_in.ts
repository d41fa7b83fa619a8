/** Reading of one run, or of several runs in a folder. */

import { join } from "node:path";
import { exists } from "../base/files.ts";
import { isExpected } from "../base/expected.ts";
import { runFolderAt } from "../run/folder.ts";
import { readRun, type RunData } from "./run_data.ts";

/**
 * Reads the run in a folder, or all runs in its subfolders, such as those of a job array over seeds.
 *
 * @param problems gets a line for each run that cannot be read and is left out
 * @throws UserError (runFolder) for a folder without runs
 */
export function runsIn(path: string, problems: string[]): RunData[] {
  const inside = isRun(path) ? [] : foldersIn(path).map((name) => join(path, name)).filter(isRun);
  // For a folder without runs, readRun throws the error to report.
  if (inside.length === 0) return [readRun(path)];
  return inside.flatMap((folder) => {
    try {
      return [readRun(folder)];
    } catch (error) {
      if (!isExpected(error)) throw error;
      problems.push(`${error.message}; ${folder} is left out`);
      return [];
    }
  });
}

function isRun(path: string): boolean {
  return exists(runFolderAt(path).metricsFile);
}

function foldersIn(path: string): string[] {
  if (!exists(path) || !Deno.statSync(path).isDirectory) return [];
  const names = [...Deno.readDirSync(path)].filter((entry) => !entry.isFile).map(({ name }) =>
    name
  );
  return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
