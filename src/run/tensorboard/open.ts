/** Opens a run's event files, where the npm package that encodes them is there: no run fails for its pictures. */

import type { Origins, RunConfig } from "../../options/config.ts";
import { FIELDS, optionOf } from "../../options/table.ts";
import { shownValue } from "../../base/option_values.ts";
import type { MetricsRow, MetricsSink } from "../metrics.ts";
import type { RunFolder } from "../folder.ts";
import { exists } from "../../base/files.ts";
import { wordsFor } from "../../base/expected.ts";

/** Facts of an invocation for TensorBoard. */
export interface TensorBoardStart {
  config: RunConfig;
  origins: Origins;
  /** The first step of this start. */
  firstStep: number;
  /** The rows that it continues from. */
  kept: readonly MetricsRow[];
  warn(line: string): void;
}

/** @returns undefined where set-up had no network to fetch the package */
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
      `Cannot write TensorBoard's files: ${wordsFor(error)}; the run continues without ` +
        "(deno task setup, with network, fetches what is missing)",
    );
    return undefined;
  }
}
