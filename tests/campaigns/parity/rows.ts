/** Report of every part of the parity bench: one row for each comparison. */

/** The worst of many comparisons of one kind. */
export interface ParityRow {
  /** Name of the comparison. */
  name: string;
  /** Number of comparisons. */
  cases: number;
  /** The difference that is nearest to what is allowed, or farthest beyond it. */
  worst: number;
  /** The largest that passes. */
  allowed: number;
  /** True where the figure is a p-value, which must exceed the bound. */
  above?: boolean;
  /** True where all comparisons passed. */
  ok: boolean;
}

/** The rows as a Markdown table. */
export function parityTable(rows: readonly ParityRow[]): string {
  const cells = rows.map(({ name, cases, worst, allowed, above = false, ok }) => [
    name,
    String(cases),
    `${above ? "p = " : ""}${shown(worst)}`,
    `${above ? "> " : ""}${shown(allowed)}`,
    ok ? "yes" : "NO",
  ]);
  return markdownTable([["what", "comparisons", "worst", "allowed", "ok"], ...cells]);
}

/** Cells as a Markdown table; the first row is the head. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function shown(value: number): string {
  return value === 0 ? "0" : value < 0.01 ? value.toExponential(2) : value.toPrecision(3);
}
