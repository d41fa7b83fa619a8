/** The text that a finished run prints. */

import { counted } from "../../base/counted.ts";
import { resultTable } from "../../run/result_table.ts";
import type { RunConfig } from "../../options/config.ts";
import type { RunFolder } from "../../run/folder.ts";
import type { RunResult } from "../../run/result.ts";

/** Returns the result of a run in the form of --format: JSON, or a table of evaluations (without any, a sentence). */
export function resultText(
  { config, folder }: { config: RunConfig; folder: RunFolder },
  { step, evaluations }: RunResult,
): string {
  if (config.format === "json") return JSON.stringify({ run_dir: folder.path, step, evaluations });
  return evaluations.length > 0
    ? resultTable(evaluations)
    : `Trained ${counted(step, "step")}; the run is in ${folder.path}`;
}
