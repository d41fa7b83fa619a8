/**
 * The folder of a run: config.json (record.ts), metrics.jsonl (metrics_file.ts), checkpoints/ (checkpoint.ts),
 * views.png (view_sheet.ts), result.json (result.ts), usage.json (usage.ts), failed.json (failure.ts).
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { exists, reasonOf } from "../base/files.ts";
import { missingFolders, removeEmptyFolders } from "../base/made_folders.ts";

/** Paths of a run's files. */
export interface RunFolder {
  /** The folder itself. */
  path: string;
  /** The record of the run. */
  configFile: string;
  /** The metrics, one JSON object a line. */
  metricsFile: string;
  /** The contact sheet of the first step's views. */
  sheetFile: string;
  /** The folder of the checkpoints. */
  checkpointsDir: string;
  /** The encoder alone, written at the end of the training. */
  encoderFile: string;
}

/** Returns the paths of the run in a folder; the folder need not exist. */
export function runFolderAt(path: string): RunFolder {
  return {
    path,
    configFile: join(path, "config.json"),
    metricsFile: join(path, "metrics.jsonl"),
    sheetFile: join(path, "views.png"),
    checkpointsDir: join(path, "checkpoints"),
    encoderFile: join(path, "encoder.safetensors"),
  };
}

/** Returns the folder of the run that a file lies in; undefined for a file elsewhere. */
export function runFolderOf(file: string): RunFolder | undefined {
  const parent = dirname(file);
  return [parent, dirname(parent)].map(runFolderAt).find(({ metricsFile }) => exists(metricsFile));
}

/** Returns the path of the run that a path names: the folder itself, or a file of the run. */
export function runPathOf(path: string): string {
  if (!exists(path) || Deno.statSync(path).isDirectory) return path;
  return runFolderOf(path)?.path ?? path;
}

/**
 * Creates the folder of a run where it is missing, and checks that files can be written to it, long before the first
 * checkpoint is.
 *
 * @throws UserError (run folder) with the path and the command that repairs it
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
      }, expected a writable folder: ${repairOf(error, path)}`,
      ExitCode.runFolder,
    );
  }
  return folder;
}

/**
 * The folder of a run while it is uncertain that there will be one: an invocation that is refused leaves
 * nothing behind. Only what it made itself is removed, and nothing after the run has its record.
 */
export class PreparedFolder implements Disposable {
  readonly #folder: RunFolder;
  readonly #made: readonly string[];
  /** Names in the folder before this invocation. */
  readonly #before: ReadonlySet<string>;

  /** Creates the folder where it is missing. @throws UserError (run folder) as createRunFolder() does */
  constructor(path: string) {
    const folder = runFolderAt(path);
    this.#folder = folder;
    this.#made = missingFolders(folder.checkpointsDir);
    this.#before = new Set(namesIn(path));
    try {
      createRunFolder(path);
    } catch (error) {
      removeEmptyFolders(this.#made);
      throw error;
    }
  }

  /** Creates again what another invocation, refused in the meantime, has removed. @throws UserError (run folder) */
  renew(): void {
    createRunFolder(this.#folder.path);
  }

  /**
   * Removes the files of an invocation that was refused, while the lock is held. The list of unusable images stays: it
   * tells why they were refused.
   */
  clear(): void {
    if (this.#isRun()) return;
    const { path, sheetFile } = this.#folder;
    for (const name of namesIn(path)) {
      const isOfStart = name === basename(sheetFile) || LEFTOVER.test(name);
      if (isOfStart && !this.#before.has(name)) removeQuietly(join(path, name));
    }
    removeEmptyFolders(this.#made.filter((made) => made === this.#folder.checkpointsDir));
  }

  #isRun(): boolean {
    return exists(this.#folder.configFile);
  }

  /** Removes the empty folders of an invocation that was refused. */
  [Symbol.dispose](): void {
    if (!this.#isRun()) removeEmptyFolders(this.#made);
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // The refusal counts, and not what is left of the invocation.
    if (!isSystemError(error)) throw error;
  }
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    // What it is instead of a folder is told where it is to be one.
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/** Names of the temporary files that a killed invocation leaves behind. */
const LEFTOVER =
  /^((config\.json|metrics\.jsonl|encoder\.safetensors|views\.png|result\.json|usage\.json|failed\.json|step-\d{9}\.safetensors)(\.\d+\.part)+|\.write-check-\d+)$/;

/** Removes the temporary files of killed invocations. Only the invocation that holds the lock may call it. */
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
  return `choose another with --run_dir=DIR, or look at it with ls -ld ${path} and df ${path}`;
}
