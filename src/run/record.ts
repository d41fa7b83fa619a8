/**
 * The record of a run: config.json in its folder, written once, when the run starts. A later invocation may resume the
 * run where options, data and augmentations are those of the record.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { BudgetLength, SizeSpeed } from "../byol/budget.ts";
import { replaceFile } from "../base/atomic_file.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { readTextOfFile, reasonOf } from "../base/files.ts";
import { type OptionValue, problemOf, shownValue } from "../base/option_values.ts";
import type { Origins, RunConfig } from "../options/config.ts";
import {
  optionsByName,
  originsByName,
  recordedOptions,
  type StoredOptions,
  storedOptions,
} from "../options/stored.ts";
import { FIELDS, optionOf } from "../options/table.ts";
import type { AugmentSchedule } from "../recipes/view_schedule.ts";
import { listCheckpoints, type Resumable } from "./checkpoint.ts";
import { type DataRecord, isDataRecord } from "./data_record.ts";
import type { RunFolder } from "./folder.ts";

/** Record of the file that a run's encoder was initialised from (`--init_from`). */
export interface InitialWeights {
  /** The file's path, as given. */
  path: string;
  /** SHA-256 of the file's bytes, in hex. */
  sha256: string;
  /** Description of the tensors that were taken from the file. */
  taken: string;
}

/** Measurements of a run with `--time_budget`, and the choice by them; times in seconds. */
export interface BudgetRecord extends BudgetLength {
  /** Epochs of the warm-up. */
  warmupEpochs: number;
  /** The time of a step at each measured size of the views. */
  speeds: SizeSpeed[];
  /** Number of measured steps. */
  measuredSteps: number;
  /** Time from the start of the program to the first step. */
  startSeconds: number;
  /** Estimated time of one evaluation. */
  evaluationSeconds: number;
  /** Time of one save. */
  saveSeconds: number;
}

/** Contents of config.json: everything needed to repeat the run, and the versions and machine of the run. */
export interface RunRecord {
  /** The resolved options. */
  config: RunConfig;
  /** Origin of each option. */
  origins: Origins;
  /** The views' recipes over time, resolved. */
  augmentation: AugmentSchedule;
  /** Versions of the parts. */
  versions: {
    /** This project. */
    byol: string;
    /** Deno. */
    deno: string;
    /** libtorch. */
    libtorch: string;
    /** Hash of the sources of the Rust core. */
    core: string;
  };
  /** The commit of the project, without regard to local changes; null outside a Git checkout. */
  commit: string | null;
  /** The data. */
  data: DataRecord;
  /** The file that the encoder was initialised from; null or absent for weights drawn from the seed. */
  initialWeights?: InitialWeights | null;
  /** Choice of `--time_budget`, with its measurements; absent without it. */
  budget?: BudgetRecord;
  /** The CPU's model; results are equal bit for bit only on one model. */
  machine: string;
  /** Start of the run's first invocation, in ISO 8601. */
  startedAt: string;
}

/**
 * Checks that an invocation may use a folder, which must hold no run, or the run to resume.
 *
 * @returns the record of the run to resume; null where the folder holds none
 * @throws UserError (run folder) when the folder holds a run with other options than `config`, or any run with
 * `--resume=never`
 */
export function claimRunFolder(
  folder: RunFolder,
  config: RunConfig,
): RunRecord | null {
  const previous = readRunRecord(folder);
  if (previous === null) {
    if (config.resume === "never") requireNoCheckpoints(folder);
    return null;
  }
  if (config.resume === "never") {
    throw new UserError(
      `Cannot start a new run in ${folder.path}: it holds a run, started ${previous.startedAt}, ` +
        "expected an empty folder: choose another --run_dir or --expe_name, remove the folder, or " +
        "resume the run with --resume=auto",
      ExitCode.runFolder,
    );
  }
  const differences = differencesOf(previous.config, config);
  if (differences.length > 0) {
    throw new UserError(
      `Cannot resume the run in ${folder.path}, whose options differ: ${differences.join("; ")}, ` +
        "expected the same, or another --run_dir or --expe_name",
      ExitCode.runFolder,
    );
  }
  return previous;
}

/** Refuses a folder whose record was lost: a new run's first checkpoints would be older than those in it. */
function requireNoCheckpoints(folder: RunFolder): void {
  const [newest] = listCheckpoints(folder.checkpointsDir);
  if (newest === undefined) return;
  throw new UserError(
    `Cannot start a new run in ${folder.path}: it holds checkpoints of one, up to step ${newest.step}, and no ` +
      "config.json, expected an empty folder: choose another --run_dir or --expe_name, or remove that one",
    ExitCode.runFolder,
  );
}

/**
 * Returns the values that a run took from its preset, where the preset has other values in this version: a run keeps the
 * recipe that it began with.
 *
 * @param now the options of this invocation; values that the user gave are not among the result
 */
export function valuesOfOlderPreset(
  { config: before, origins: origin }: Pick<RunRecord, "config" | "origins">,
  now: { config: RunConfig; origins: Origins },
): Partial<RunConfig> {
  if (before.preset === null || now.config.preset !== before.preset) return {};
  const own = `preset ${before.preset}`;
  const fields = FIXED.filter((field) =>
    before[field] !== now.config[field] && now.origins[field] === own &&
    // "checkpoint": earlier versions did not have the option.
    (origin[field] === own || origin[field] === "checkpoint")
  );
  return Object.fromEntries(fields.map((field) => [field, before[field]]));
}

/** Options that a resumed run must not change. */
export const FIXED: readonly (keyof RunConfig)[] = FIELDS.filter((field) =>
  !optionOf(field).changeable
);

/** Returns by name the options of an invocation that differ from those that its run began with. */
export function changedOptions(before: RunConfig, config: RunConfig): Record<string, unknown> {
  const fields = FIELDS.filter((field) => before[field] !== config[field]);
  return optionsByName(Object.fromEntries(fields.map((field) => [field, config[field]])));
}

/**
 * Returns a text for each option that differs.
 *
 * @param before the options of a record or of a checkpoint
 * @param config the options of this invocation
 * @param options.fields the options to compare; by default all that a result depends on
 * @param options.sides words for the two sides
 */
export function differencesOf(
  before: RunConfig,
  config: RunConfig,
  { fields = FIXED, sides: [there, here] = ["there", "here"] }: {
    fields?: readonly (keyof RunConfig)[];
    sides?: readonly [string, string];
  } = {},
): string[] {
  return fields.filter((field) => before[field] !== config[field])
    .map((field) =>
      `--${optionOf(field).option}=${shown(before[field])} ${there}, ${
        shown(config[field])
      } ${here}`
    );
}

/**
 * Checks that a run resumes with the data and the augmentations of its record. Both are known only after the data has
 * been read.
 *
 * @throws UserError (run folder) when either differs
 */
export function requireSameInputs(
  folder: RunFolder,
  previous: RunRecord,
  found: Pick<RunRecord, "augmentation" | "data">,
): void {
  const differences = inputDifferences(previous, found);
  if (differences.length === 0) return;
  throw new UserError(
    `Cannot resume the run in ${folder.path}: ${
      differences.join("; ")
    }, expected the same, or another ` +
      "--run_dir or --expe_name",
    ExitCode.runFolder,
  );
}

/** Returns in words in what images and augmentations differ; of what `before` does not tell, nothing differs. */
function inputDifferences(
  before: Partial<Pick<RunRecord, "augmentation" | "data">>,
  found: Partial<Pick<RunRecord, "augmentation" | "data">>,
): string[] {
  const differences: string[] = [];
  for (const [field, name] of [["digest", "data"], ["testDigest", "test data"]] as const) {
    const [there, here] = [before.data?.[field], found.data?.[field]];
    if (there === undefined || here === undefined || there === here) continue;
    differences.push(`its ${name} has the digest ${there}, the ${name} here ${here}`);
  }
  const [ruleThere, ruleHere] = [before.data?.limit ?? "first", found.data?.limit];
  if (ruleHere !== undefined && ruleHere !== ruleThere) {
    differences.push(
      "its --limit_train took the first images, as in earlier versions, and takes a share of each class here",
    );
  }
  const [there, here] = [before.augmentation, found.augmentation];
  if (there !== undefined && here !== undefined && !isDeepStrictEqual(there, here)) {
    differences.push(
      "its augmentations differ from those of --aug_schedule and --preset here",
    );
  }
  return differences;
}

/**
 * Checks that a checkpoint in the run's own folder was written by this run: by its own options, and by the images
 * and augmentations that it names; checkpoints of earlier versions name none.
 *
 * @throws UserError (run folder) where it is of another run
 */
export function requireOwnCheckpoint(
  { path, metadata }: Resumable,
  found: Pick<RunRecord, "config" | "augmentation" | "data">,
): void {
  const differences = [
    ...differencesOf(recordedOptions(metadata.config).config, found.config),
    ...inputDifferences(metadata, found),
  ];
  if (differences.length === 0) return;
  throw new UserError(
    `Cannot resume from the checkpoint ${path}: it is of another run: ${
      differences.join("; ")
    }, expected ` +
      "one of this run: give its options, move the file away, or choose another --run_dir or --expe_name",
    ExitCode.runFolder,
  );
}

/**
 * Checks that a run without checkpoints begins again with the initial weights of its record.
 *
 * @throws UserError (run folder) when --init_from names another file
 */
export function requireSameStart(
  folder: RunFolder,
  previous: RunRecord,
  found: InitialWeights | null,
): void {
  const [before, now] = [previous.initialWeights?.sha256, found?.sha256];
  if (before === now) return;
  throw new UserError(
    `Cannot begin the run in ${folder.path} again with --init_from=${
      found?.path ?? "(none)"
    }: its SHA-256 is ${now ?? "(none)"}, expected ${
      before ?? "(none)"
    } as in the first invocation, or ` +
      "another --run_dir or --expe_name",
    ExitCode.runFolder,
  );
}

/**
 * Writes config.json, as a whole or not at all.
 *
 * @throws UserError (run folder) when it cannot be written
 */
export function writeRunRecord(folder: RunFolder, record: RunRecord): void {
  const config = optionsByName(record.config);
  const origins = originsByName(record.origins);
  const stored = { ...record, config, origins };
  try {
    replaceFile(folder.configFile, `${JSON.stringify(stored, null, 2)}\n`);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError(
      `Cannot write ${folder.configFile}: ${reasonOf(error)}`,
      ExitCode.runFolder,
    );
  }
}

/**
 * Reads config.json. recordedOptions (options/stored.ts) fills in the options that an earlier version did not have.
 *
 * @returns the record; null where there is no file
 * @throws UserError (run folder) when the file cannot be read or is no record of a run
 */
export function readRunRecord(folder: RunFolder): RunRecord | null {
  let text: string;
  try {
    text = readTextOfFile(folder.configFile);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (!isSystemError(error)) throw error;
    throw new UserError(
      `Cannot read ${folder.configFile}: ${reasonOf(error)}`,
      ExitCode.runFolder,
    );
  }
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    // The error below reports it.
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!isObject(record) || !isObject(record.config)) throw unusable(folder);
  const problem = problemOfOptions(record.config) ?? problemOfParts(record);
  if (problem !== undefined) throw unusable(folder, problem);
  const origins = isObject(record.origins) ? record.origins : {};
  return { ...record as unknown as RunRecord, ...recordedOptions(record.config, origins) };
}

/** Returns the error for a config.json that is not what this program writes. */
function unusable({ configFile }: RunFolder, problem?: string): UserError {
  return new UserError(
    `Cannot use ${configFile}: ${
      problem === undefined ? "" : `${problem}, `
    }expected the JSON record of a run; choose another --run_dir, or remove the folder if nothing in it is needed`,
    ExitCode.runFolder,
  );
}

/** Returns the first option of a record that has no such value, in words. */
function problemOfOptions(stored: StoredOptions): string | undefined {
  const options = storedOptions(stored);
  if (options.datasetName === undefined) return "it names no dataset_name";
  for (const field of FIELDS) {
    const value = options[field];
    const { option, value: kind, default: none } = optionOf(field);
    if (value === undefined || value === null && none === null) continue;
    const expected = problemOf(kind, value);
    if (expected !== undefined) {
      return `its ${option} is ${JSON.stringify(value)} and not ${expected}`;
    }
  }
  return undefined;
}

/** Returns the first part of a record beside its options that is missing or damaged, in words. */
function problemOfParts(
  { data, augmentation, versions, machine, startedAt }: Readonly<Record<string, unknown>>,
): string | undefined {
  const parts = {
    data: isDataRecord(data),
    augmentation: isObject(augmentation) && isObject(augmentation.view1) &&
      isObject(augmentation.view2),
    versions: isObject(versions) && typeof versions.byol === "string",
    machine: typeof machine === "string",
    startedAt: typeof startedAt === "string",
  };
  const damaged = Object.entries(parts).find(([, isWhole]) => !isWhole);
  return damaged === undefined ? undefined : `its ${damaged[0]} is missing or damaged`;
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function shown(value: OptionValue): string {
  return value === null ? "(none)" : shownValue(value);
}
