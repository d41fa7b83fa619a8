/**
 * The mark of a finished run: result.json in its folder. A later start of the same command, as the links of a chain
 * after the last needed one are, then ends at once: no lock, no data, no core.
 *
 * @module
 */

import { join } from "node:path";
import { endStepOf, isEvaluatedAtEnd } from "../byol/plan.ts";
import { replaceFile } from "../base/atomic_file.ts";
import type { RunConfig } from "../options/config.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { EvalRow } from "./metrics.ts";
import type { RunFolder } from "./folder.ts";
import { removeIfThere } from "../base/files.ts";

/** Result of a finished run. */
export interface RunResult {
  /** Steps done. */
  step: number;
  /** Steps of the whole schedule, which `max_steps` may cut. */
  totalSteps: number;
  /** Every evaluation, in order. */
  evaluations: EvalRow[];
}

function resultFile(folder: RunFolder): string {
  return join(folder.path, "result.json");
}

/** Writes the mark. @throws UserError (save) */
export function markFinished(folder: RunFolder, result: RunResult): void {
  try {
    replaceFile(resultFile(folder), `${JSON.stringify(result, null, 2)}\n`);
  } catch (error) {
    throw asUserError(error, ExitCode.save, { task: `write ${resultFile(folder)}` });
  }
}

/** The mark in a folder, whatever is asked for now; undefined where there is none or it is damaged. */
export function readResult(folder: RunFolder): RunResult | undefined {
  try {
    const found: Partial<RunResult> | null = JSON.parse(Deno.readTextFileSync(resultFile(folder)));
    const whole = Number.isSafeInteger(found?.step) && Number.isSafeInteger(found?.totalSteps) &&
      Array.isArray(found?.evaluations);
    return whole ? found as RunResult : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the mark: the run continues, and what the mark said is no longer its end. */
export function unmarkFinished(folder: RunFolder): void {
  removeIfThere(resultFile(folder));
}

/**
 * The result where nothing is left to do of what `config` asks for: every step, and the evaluation at the end.
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
  if (result.step < endStepOf(result.totalSteps, config)) return undefined;
  const { totalSteps } = result;
  const wantsEvaluation = isEvaluatedAtEnd(result.step, { ...config, totalSteps });
  const evaluated = result.evaluations.some(({ step }) => step === result.step);
  return wantsEvaluation && !evaluated ? undefined : result;
}
