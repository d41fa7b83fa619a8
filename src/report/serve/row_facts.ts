/** Facts that the rows of a run tell, gathered row by row. */

import { CollapseWatch } from "../../byol/divergence.ts";
import type { TrainRow } from "../../byol/train_row.ts";
import type { EvalRow, RunRow } from "../../run/metrics.ts";
import { rowOf } from "../../run/metrics_file.ts";
import type { RunRecord } from "../../run/record.ts";
import { RECENT } from "../alarms.ts";
import { CURVE_NAMES } from "../curves_section.ts";
import { withNumbers } from "../run_data.ts";
import { GrowingCurve } from "./curve.ts";

/** Facts from the rows that were seen. */
export class RowFacts {
  /** Row of the last invocation. */
  start: RunRow | undefined;
  /** The last logged steps. */
  readonly recent: TrainRow[] = [];
  readonly evaluations: EvalRow[] = [];
  /** The last row whose loss is not finite. */
  bad: TrainRow | undefined;
  /** Message on embeddings that are collapsed now. */
  collapse: string | undefined;
  /** Number of lines that are no rows. */
  damaged = 0;
  /** Curves by the names of metrics. */
  readonly curves: Map<string, GrowingCurve> = new Map(
    CURVE_NAMES.map((name) => [name, new GrowingCurve()]),
  );
  readonly #watch: CollapseWatch | undefined;
  readonly #bound: number;

  /** @param record options of the run; null where they are unknown, and collapse with them */
  constructor(record: RunRecord | null) {
    this.#watch = record === null ? undefined : new CollapseWatch(record.config);
    this.#bound = record === null ? 0 : record.config.collapseBelow / Math.sqrt(record.config.zDim);
  }

  /** Takes a line of metrics.jsonl. */
  see(line: string): void {
    const row = rowOf(line);
    if (row === undefined) this.damaged++;
    else if (row.kind === "run") this.start = row;
    else if (row.kind === "eval") this.evaluations.push(row);
    else this.#seeStep(withNumbers(row));
  }

  #seeStep(row: TrainRow): void {
    this.recent.push(row);
    if (this.recent.length > RECENT) this.recent.shift();
    if (!Number.isFinite(row.loss)) this.bad = row;
    const said = this.#watch?.see(row);
    if (said !== undefined) this.collapse = said;
    else if (row.embedding_std >= this.#bound) this.collapse = undefined;
    for (const [name, curve] of this.curves) {
      curve.add(row.step, (row as unknown as Record<string, number>)[name] ?? NaN);
    }
  }
}
