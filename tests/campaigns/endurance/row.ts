/** What a long form shows: one row of the table that `deno task bench endurance` prints. */

/** A row. */
export interface EnduranceRow {
  /** What was done to the program. */
  form: string;
  /** How often. */
  times: number;
  /** What was found, in figures. */
  found: string;
  /** What should not have happened, one sentence each; none when all is well. */
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
