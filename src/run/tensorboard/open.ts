/** Opening of a run's TensorBoard files. A run continues without them where they cannot be written. */

import type { Origins, RunConfig } from "../../options/config.ts";
import { FIELDS, optionOf } from "../../options/table.ts";
import { shownValue } from "../../base/option_values.ts";
import type { MetricsRow, MetricsSink } from "../metrics.ts";
import type { RunFolder } from "../folder.ts";
import { exists } from "../../base/files.ts";
import { wordsFor } from "../../base/expected.ts";

/** Options of openTensorBoard. */
export interface TensorBoardStart {
  config: RunConfig;
  origins: Origins;
  /** The first step of this invocation. */
  firstStep: number;
  /** The rows of earlier invocations that were kept. */
  kept: readonly MetricsRow[];
  warn(line: string): void;
}

/** Opens the file of this invocation. @returns undefined, after a warning, where the npm package is not installed */
export async function openTensorBoard(
  folder: RunFolder,
  { config, origins, ...start }: TensorBoardStart,
): Promise<MetricsSink | undefined> {
  try {
    const { TensorBoardSink } = await import("./sink.ts");
    return new TensorBoardSink(folder.path, {
      ...start,
      options: FIELDS.map((field) => ({
        name: optionOf(field).option,
        value: config[field] === null ? "(none)" : shownValue(config[field]),
        origin: origins[field],
      })),
      sheet: exists(folder.sheetFile) ? folder.sheetFile : undefined,
    });
  } catch (error) {
    start.warn(
      `Cannot write TensorBoard's files: ${wordsFor(error)}; the run continues without them ` +
        "(to install the missing package, run deno task setup with network)",
    );
    return undefined;
  }
}
