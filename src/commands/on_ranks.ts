/** Running of `train` and `eval` on ranks: a process is a rank, or starts all ranks. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { showLine } from "../base/output.ts";
import { surveyPhotos } from "../data/photo_survey.ts";
import { launch } from "../distributed/launch.ts";
import { configurationOf } from "../encoder/weights_file.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { type Environment, thisEnvironment } from "../options/environment.ts";
import { parseCommandLine, type ParsedCommandLine } from "../options/parse.ts";
import { describeOrThrow, weightsFileOf } from "../run/checkpoint.ts";
import { reportStop } from "../runtime/interrupt.ts";
import { type RankInfo, SINGLE_PROCESS } from "../runtime/rank.ts";

/** Arguments of a rank's work, beside the options. */
export interface RankParts {
  rankInfo: Readonly<RankInfo>;
  /** Description of the file that `--checkpoint` names; undefined without it. */
  weights: CheckpointDescription | undefined;
}

/**
 * Runs a command on this rank; starts all ranks on this machine where --ranks is above 1 and neither srun nor torchrun
 * has started them.
 *
 * @returns the exit code: of this rank's work, or the worst of all ranks
 * @throws UserError for options that cannot run; the errors of `work`
 */
export async function runOnRanks(
  command: "train" | "eval",
  args: readonly string[],
  work: (parsed: ParsedCommandLine, parts: RankParts) => Promise<number>,
): Promise<number> {
  // The checkpoint is described only once, because the description reads the whole file.
  let weights: CheckpointDescription | undefined;
  const environment: Environment = {
    ...thisEnvironment(),
    surveyPhotos,
    weightsFileOf,
    checkpointConfig: (path) => configurationOf(path, weights = describeOrThrow(path)),
  };
  return await reportingStop(async () => {
    const parsed = parseCommandLine(command, args, environment);
    const { rankInfo = SINGLE_PROCESS } = environment;
    const { ranks } = parsed.config;
    if (rankInfo.launcher === "none" && ranks > 1) return await launch(ranks, [command, ...args]);
    if (rankInfo.rank === 0) parsed.notes.forEach(showLine);
    return await work(parsed, { rankInfo, weights });
  });
}

/** Runs `work`, and tells the batch script if a signal stopped it. */
async function reportingStop(work: () => Promise<number>): Promise<number> {
  let code: number = ExitCode.unexpected;
  try {
    return code = await work();
  } catch (error) {
    if (error instanceof UserError) code = error.exitCode;
    throw error;
  } finally {
    if (code === ExitCode.interrupted) reportStop();
  }
}
