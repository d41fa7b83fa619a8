/** Advice on running again the step whose numbers have ended a run. */

import { isSystemError, wordsFor } from "../../base/expected.ts";
import { exists } from "../../base/files.ts";
import { NumbersError } from "../../byol/divergence.ts";
import { adviceOn, markFailed } from "../../run/failure.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Returns the error to report in place of `error`: of a step whose numbers have ended the run, with the command that runs
 * the step again. Keeps the checkpoint that the command begins with. Other errors are returned unchanged.
 */
export function withReplayAdvice(
  error: unknown,
  { ranks, folder, warn }: Pick<Invocation, "ranks" | "folder" | "warn">,
): unknown {
  // Without a record, there is no run yet: the steps were those of a measurement.
  if (!(error instanceof NumbersError) || !ranks.isRankZero || !exists(folder.configFile)) {
    return error;
  }
  const { message, step } = error;
  try {
    const failure = markFailed(folder, { step, reason: message });
    return new NumbersError(`${message}\n${adviceOn(failure, folder)}`, step);
  } catch (failure) {
    if (!isSystemError(failure)) throw failure;
    warn(`Cannot keep the checkpoint for a replay of step ${step}: ${wordsFor(failure)}`);
    return error;
  }
}
