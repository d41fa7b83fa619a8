/** The comparisons of tests/parity/, whole, as rows of the bench's table. */

import { type OracleReport, type ParityCheck, requireAgreement } from "../../parity/oracle.ts";
import type { ParityRow } from "./rows.ts";

/** Runs a comparison; one that does not agree is told on stderr and is a row like any other. */
export async function rowOf(check: ParityCheck): Promise<ParityRow> {
  console.error(check.name);
  const reports = await check.run();
  let ok = true;
  try {
    requireAgreement(check, reports);
  } catch (error) {
    console.error((error as Error).message);
    ok = false;
  }
  const cases = reports.reduce((sum, report) => sum + report.compared, 0);
  const row = { name: check.name, cases, ...nearest(reports), ok };
  // Said at once, too: a bench that is ended early has no table.
  console.error(
    `  ${ok ? "agrees" : "DIFFERS"}: ${row.worst} of ${row.allowed}, ${cases} comparisons`,
  );
  return row;
}

/** The comparison that is nearest to what is allowed, or farthest beyond it. */
function nearest(reports: readonly OracleReport[]): Pick<ParityRow, "worst" | "allowed" | "above"> {
  const above = reports.some(({ what }) => what === "sampler");
  const all = reports.flatMap(({ worst }) => worst).map(({ difference, allowed }) => ({
    // A NaN or an infinity is written as a word.
    worst: typeof difference === "number" ? difference : Infinity,
    allowed,
  }));
  const share = ({ worst, allowed }: { worst: number; allowed: number }): number =>
    above ? allowed / worst : worst === 0 ? 0 : worst / allowed;
  const first = all.toSorted((a, b) => share(b) - share(a))[0] ?? { worst: Infinity, allowed: 0 };
  return { ...first, above };
}
