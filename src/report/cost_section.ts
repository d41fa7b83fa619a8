/** The section of a report on hours, energy and carbon. */

import { readUsage, usageLines, usageOf } from "../run/usage.ts";
import { note, section, table } from "./page.ts";
import type { RunData } from "./run_data.ts";

/** Returns the table of hours and energy, as far as they were measured; nothing for runs of earlier versions. */
export function costSection(runs: readonly Pick<RunData, "name" | "folder">[]): string {
  const rows = runs.flatMap(({ name, folder }) => {
    const record = readUsage(folder);
    if (record === undefined) return [];
    return usageLines(usageOf(record)).map((line) => runs.length > 1 ? [name, ...line] : line);
  });
  if (rows.length === 0) return "";
  return section(
    "Hours and energy",
    note(
      "Over all invocations, also those whose work was lost. What was not measured is left out.",
    ),
    table(runs.length > 1 ? ["run", "what", "value"] : ["what", "value"], rows, {
      className: "options",
    }),
  );
}
