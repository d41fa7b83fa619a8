/** The end of a training: last checkpoint, last evaluation, encoder, result. */

import { isEvaluatedAtEnd } from "../../byol/plan.ts";
import { ExitCode } from "../../base/exit_codes.ts";
import type { Evaluations } from "./evaluations.ts";
import type { RunOutput } from "./output.ts";
import { lateText } from "./story.ts";
import type { Training } from "./training.ts";

/**
 * Saves the last step of this invocation. At the last step of the training, or where a budget has ended it, evaluates and
 * writes encoder and result.
 *
 * @returns the exit code: ok, or interrupted where a signal stopped the training
 * @throws UserError (save) where the last checkpoint or the encoder cannot be written; (interrupted) where a signal
 * stopped the last evaluation
 */
export async function finish(
  training: Training,
  { stepsDone, output, evaluations }: {
    stepsDone: number;
    output: RunOutput;
    evaluations: Evaluations;
  },
): Promise<ExitCode> {
  const { invocation, plan, budget } = training;
  const { ranks, config, warn } = invocation;
  const isLate = budget?.isLate === true;
  // The broadcast makes the other ranks wait for the save without the time limit of a step.
  await ranks.broadcast(() => output.saveLast(stepsDone));
  output.used(invocation.joules());
  output.flush();
  if (stepsDone < plan.endStep && !isLate || invocation.isStopped()) {
    const again = config.resume === "never"
      ? "same command again, with --resume=auto,"
      : "same command again";
    warn(`Interrupted at step ${stepsDone}, all saved: start the ${again} to resume`);
    return ExitCode.interrupted;
  }
  const late = isLate ? lateText(training, stepsDone) : undefined;
  if (late !== undefined) warn(late);
  const isEvaluated = isLate ? plan.evalEveryEpochs > 0 : isEvaluatedAtEnd(stepsDone, plan);
  if (isEvaluated) await evaluations.evaluateAt(stepsDone);
  invocation.throwIfStopped("in the last evaluation, with the training saved");
  output.used(invocation.joules());
  output.complete(stepsDone, { evaluations: evaluations.rows, late });
  return ExitCode.ok;
}
