/** The end of a training: last checkpoint, last evaluation, encoder, result. */

import { isEvaluatedAtEnd } from "../../byol/plan.ts";
import { ExitCode } from "../../base/exit_codes.ts";
import type { Evaluations } from "./evaluations.ts";
import type { RunOutput } from "./output.ts";
import type { Training } from "./training.ts";

/**
 * Saves the last step of this invocation. At the last step of the training, evaluates and writes encoder and result.
 *
 * @returns the exit code: ok, or interrupted where a signal stopped the training
 * @throws UserError (save) where the last checkpoint or the encoder cannot be written; (interrupted) where a signal
 * stopped the last evaluation
 */
export async function finish(
  { invocation, plan }: Training,
  { stepsDone, output, evaluations }: {
    stepsDone: number;
    output: RunOutput;
    evaluations: Evaluations;
  },
): Promise<ExitCode> {
  const { ranks, config, warn } = invocation;
  // The broadcast makes the other ranks wait for the save without the time limit of a step.
  await ranks.broadcast(() => output.saveLast(stepsDone));
  output.flush();
  if (stepsDone < plan.endStep || invocation.isStopped()) {
    const again = config.resume === "never"
      ? "same command again, with --resume=auto,"
      : "same command again";
    warn(`Interrupted at step ${stepsDone}, all saved: start the ${again} to resume`);
    return ExitCode.interrupted;
  }
  if (isEvaluatedAtEnd(stepsDone, plan)) await evaluations.evaluateAt(stepsDone);
  invocation.throwIfStopped("in the last evaluation, with the training saved");
  output.complete(stepsDone, evaluations.rows);
  return ExitCode.ok;
}
