/** Result of a long form: one row of the table that `deno task bench endurance` prints. */

/** A row. */
export interface EnduranceRow {
  /** Treatment of the program. */
  form: string;
  /** Number of repetitions. */
  times: number;
  /** Result in figures. */
  found: string;
  /** Failures, one sentence each; none when all is well. */
  failures: string[];
}

/** A long form: does what its module says `times` times, and hands back its rows. */
export type LongForm = (times: number) => Promise<EnduranceRow[]>;

/** The rows as the table that docs/reliability.md quotes; the first row of a form has its seconds. */
export function enduranceTable(rows: readonly (EnduranceRow & { seconds: number })[]): string {
  const lines = rows.map(({ form, times, found, failures, seconds }) =>
    `| ${form} | ${times} | ${found} | ${failures.length} | ${
      Number.isNaN(seconds) ? "" : seconds.toFixed(0)
    } |`
  );
  return [
    "| what was done | times | what was found | failures | seconds |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}
