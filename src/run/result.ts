/**
 * result.json in the folder of a run, which marks the run as finished. A later invocation of the same command, such as
 * the next job of a chain, then ends at once, without lock, data or Rust core.
 *
 * @module
 */

import { join } from "node:path";
import { endStepOf, isEvaluatedAtEnd } from "../byol/plan.ts";
import { replaceFile } from "../base/atomic_file.ts";
import type { RunConfig } from "../options/config.ts";
import { normalisedValues } from "../options/rules.ts";
import { type StoredOptions, storedOptions } from "../options/stored.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError, isSystemError } from "../base/expected.ts";
import { limitRuleOf } from "../recipes/limit.ts";
import { loadAugmentSchedule } from "../recipes/view_schedule.ts";
import { type EvalRow, isEvalRow } from "./metrics.ts";
import type { RunFolder } from "./folder.ts";
import { isSamePath, readTextOfFile, removeIfThere } from "../base/files.ts";
import { differencesOf, requireSameInputs, type RunRecord } from "./record.ts";
import type { Usage } from "./usage.ts";

/** Result of a finished run. */
export interface RunResult {
  /** Steps done. */
  step: number;
  /** Steps of the whole schedule; more than `step` where `--max_steps` has cut the run short. */
  totalSteps: number;
  /** All evaluations, in order. */
  evaluations: EvalRow[];
  /** Note on a run that `--time_budget` has stopped before its last step; absent for any other. */
  late?: string;
  /** Options of the invocation that finished the run, by name; results of earlier versions have none. */
  config?: StoredOptions;
  /** Hours and energy over all invocations; results of earlier versions have none. */
  usage?: Usage;
  /** Notes that belong to the accuracies, one line each. */
  notes?: readonly string[];
}

function resultFile(folder: RunFolder): string {
  return join(folder.path, "result.json");
}

/** Writes result.json. @throws UserError (save) when it cannot be written */
export function markFinished(folder: RunFolder, result: RunResult): void {
  try {
    replaceFile(resultFile(folder), `${JSON.stringify(result, null, 2)}\n`);
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `write ${resultFile(folder)}` });
  }
}

/** Returns the result in a folder; undefined where result.json is missing or damaged. */
export function readResult(folder: RunFolder): RunResult | undefined {
  try {
    const found: Partial<RunResult> | null = JSON.parse(readTextOfFile(resultFile(folder)));
    const { step, totalSteps, evaluations } = found ?? {};
    const isWhole = Number.isSafeInteger(step) && Number.isSafeInteger(totalSteps) &&
      Array.isArray(evaluations) && evaluations.every(isEvalRow);
    if (!isWhole) return undefined;
    const isNoted = Array.isArray(found?.notes) &&
      found.notes.every((note) => typeof note === "string");
    const { late, ...rest } = found as RunResult;
    return {
      ...rest,
      ...typeof late === "string" && { late },
      notes: isNoted ? found?.notes : undefined,
    };
  } catch (error) {
    if (!isSystemError(error) && !(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Removes result.json from the folder of a run that continues beyond that result. */
export function unmarkFinished(folder: RunFolder): void {
  removeIfThere(resultFile(folder));
}

/**
 * Returns the result of a run that has nothing left to do: all steps of `config` are done or its time is over, and the evaluation at the
 * end is made where `config` asks for one. Returns undefined otherwise.
 *
 * @param begunWith the `--resume` that the run was begun with
 */
export function finishedResult(
  folder: RunFolder,
  config: RunConfig,
  begunWith: string,
): RunResult | undefined {
  const goesOn = config.resume === "auto" || config.resume === begunWith;
  if (!goesOn || config.traceSteps > 0) return undefined;
  const result = readResult(folder);
  if (result === undefined) return undefined;
  const isLate = result.late !== undefined && config.timeBudget !== null;
  if (result.step < endStepOf(result.totalSteps, config) && !isLate) return undefined;
  const { totalSteps } = result;
  const wantsEvaluation = isEvaluatedAtEnd(result.step, { ...config, totalSteps });
  const evaluated = result.evaluations.some(({ step }) => step === result.step);
  return wantsEvaluation && !evaluated ? undefined : result;
}

/**
 * Returns true where the data folder of `config` is the one that the run was begun or finished with. Images of another
 * folder can be compared by their digest only.
 */
export function isOfSameDataDir(
  result: RunResult,
  { begun, config }: { begun: RunRecord; config: RunConfig },
): boolean {
  return [begun.config, finishedWith(result)].some(({ dataDir }) =>
    dataDir === config.dataDir ||
    typeof dataDir === "string" && config.dataDir !== null &&
      isSamePath(dataDir, config.dataDir)
  );
}

/**
 * Checks that a finished result belongs to the given options. A run may be resumed with other numbers of images behind
 * its batch statistics, or another text in the file of --aug_schedule, but both decide the result.
 *
 * @throws UserError (run folder) where they differ; (usage) where the file of --aug_schedule cannot be used
 */
export function requireResultOf(
  result: RunResult,
  { folder, begun, config }: { folder: RunFolder; begun: RunRecord; config: RunConfig },
): void {
  const before = { ...begun.config, ...finishedWith(result) };
  const others = differencesOf(before, config);
  if (others.length > 0) {
    throw new UserError(
      `Cannot use ${resultFile(folder)}: it is of another run: ${
        others.join("; ")
      }, expected the result of ` +
        "the run in the folder: remove it",
      ExitCode.runFolder,
    );
  }
  const alike = [begun.config, before].some((one) =>
    normalisedValues(one) === normalisedValues(config)
  );
  if (!alike) {
    const fields = ["accumulateSteps", ...config.syncBn ? [] : ["ranks"] as const] as const;
    throw new UserError(
      `Cannot give the result of the finished run in ${folder.path}, whose batch statistics are over other ` +
        `numbers of images: ${
          differencesOf(before, config, { fields }).join("; ")
        }, expected the ` +
        "same, or another --run_dir or --expe_name",
      ExitCode.runFolder,
    );
  }
  const augmentation = loadAugmentSchedule(config, result.totalSteps / config.epochs);
  const data = { ...begun.data, limit: limitRuleOf(config) };
  requireSameInputs(folder, begun, { augmentation, data });
}

function finishedWith({ config }: RunResult): Partial<RunConfig> {
  return storedOptions(config ?? {});
}
