/**
 * The folder of a run: what is in it.
 *
 * config.json (record.ts), metrics.jsonl (metrics_file.ts), checkpoints/ (checkpoint.ts).
 *
 * @module
 */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { reasonOf } from "../base/files.ts";

/** The paths of a run. */
export interface RunFolder {
  /** The folder itself. */
  path: string;
  /** The run's record. */
  configFile: string;
  /** The metrics, one JSON object a line. */
  metricsFile: string;
  /** The contact sheet of the first step's views. */
  sheetFile: string;
  /** The folder of the checkpoints. */
  checkpointsDir: string;
}

/** The paths of the run in a folder, which need not be there. */
export function runFolderAt(path: string): RunFolder {
  return {
    path,
    configFile: join(path, "config.json"),
    metricsFile: join(path, "metrics.jsonl"),
    sheetFile: join(path, "views.png"),
    checkpointsDir: join(path, "checkpoints"),
  };
}

/**
 * Creates the folder of a run where it is missing, and makes sure now, not at the first checkpoint, that it
 * can be written.
 *
 * @throws UserError (run folder) that names path and repair
 */
export function createRunFolder(path: string): RunFolder {
  const folder = runFolderAt(path);
  const probe = join(folder.checkpointsDir, `.write-check-${Deno.pid}`);
  try {
    Deno.mkdirSync(folder.checkpointsDir, { recursive: true });
    Deno.writeTextFileSync(probe, "");
    Deno.removeSync(probe);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError(
      `Cannot write to the run folder --run_dir=${path}: ${
        reasonOf(error)
      }, expected a folder that ` +
        `can be written: ${repairOf(error, path)}`,
      ExitCode.runFolder,
    );
  }
  return folder;
}

/** Files that a killed start was writing beside those they were to become, and its check of the folder. */
const LEFTOVER =
  /^((config\.json|metrics\.jsonl|encoder\.safetensors|views\.png|result\.json|step-\d{9}\.safetensors)\.\d+\.part|\.write-check-\d+)$/;

/** Removes what killed starts left half-written. Only for the one start that may write to the folder. */
export function removeLeftovers(folder: RunFolder): void {
  for (const place of [folder.path, folder.checkpointsDir]) {
    for (const { name } of [...Deno.readDirSync(place)]) {
      if (LEFTOVER.test(name)) Deno.removeSync(join(place, name));
    }
  }
}

function repairOf(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `start Deno with --allow-read and --allow-write for ${path}`;
  }
  return `choose another with --run_dir=DIR, or see to it with ls -ld ${path} and df ${path}`;
}
