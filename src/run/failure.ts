/**
 * failed.json in the folder of a run: the step whose numbers ended the run with exit code 7, and the checkpoint that the
 * step can be run again from (`deno task replay`), which is then kept.
 *
 * @module
 */

import { join } from "node:path";
import { replaceFile } from "../base/atomic_file.ts";
import { readIfThere } from "../base/files.ts";
import { listCheckpoints } from "./checkpoint.ts";
import type { RunFolder } from "./folder.ts";

/** A step whose numbers ended a run. */
export interface Failure {
  /** The step, from 0. */
  step: number;
  /** Step of the newest checkpoint at or before it; null where there is none, and the run begins again. */
  checkpoint: number | null;
  /** Message that the run ended with. */
  reason: string;
  /** Time of the end, in ISO 8601. */
  time: string;
}

function failureFile(folder: RunFolder): string {
  return join(folder.path, "failed.json");
}

/** Writes failed.json. @throws the error of Deno where it cannot be written */
export function markFailed(
  folder: RunFolder,
  { step, reason }: Pick<Failure, "step" | "reason">,
): Failure {
  const before = listCheckpoints(folder.checkpointsDir).find((one) => one.step <= step);
  const failure = {
    step,
    checkpoint: before?.step ?? null,
    reason,
    time: new Date().toISOString(),
  };
  replaceFile(failureFile(folder), `${JSON.stringify(failure, null, 2)}\n`);
  return failure;
}

/** Returns the failure in a folder; undefined where failed.json is missing or damaged. */
export function readFailure(folder: RunFolder): Failure | undefined {
  const text = readIfThere(failureFile(folder));
  if (text === undefined) return undefined;
  try {
    const found: Partial<Failure> | null = JSON.parse(text);
    const { step, checkpoint } = found ?? {};
    const isWhole = Number.isSafeInteger(step) &&
      (checkpoint === null || Number.isSafeInteger(checkpoint));
    return isWhole ? found as Failure : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Returns the advice to run the step again, for the end of a message. */
export function adviceOn({ step, checkpoint }: Failure, { path }: RunFolder): string {
  const from = checkpoint === null
    ? "from the start of the run"
    : `from the checkpoint of step ${checkpoint}, which is kept`;
  return `deno task replay --run_dir=${path} --step=${step} runs step ${step} again ${from}, and shows its views, ` +
    "the norms of its layers and the first tensor that is not finite";
}
