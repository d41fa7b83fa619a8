/**
 * The long forms of what tests/endurance/ does in short: `deno task bench endurance [--only=NAME,…] [--share=0.1]`. Each
 * module in endurance/ does one thing to the program many times, or a share of that; its rows go into one table.
 */

import { parseArgs } from "node:util";
import { enduranceTable, type LongForm } from "./endurance/row.ts";

/** The long forms by name, each with how often it does its thing. */
const FORMS: Readonly<Record<string, { times: number; load: () => Promise<LongForm> }>> = {
  kills: { times: 200, load: async () => (await import("./endurance/kills.ts")).kills },
  resumes: { times: 40, load: async () => (await import("./endurance/resumes.ts")).resumes },
  signals: { times: 48, load: async () => (await import("./endurance/signals.ts")).signals },
  exits: { times: 100, load: async () => (await import("./endurance/exits.ts")).exits },
  pauses: { times: 40, load: async () => (await import("./endurance/pauses.ts")).pauses },
  mutations: {
    times: 100_000,
    load: async () => (await import("./endurance/mutations.ts")).mutations,
  },
};

/** Prints the table; the exit code is 1 where anything failed. */
export async function bench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { only: { type: "string" }, share: { type: "string" } },
  });
  const share = Number(values.share ?? 1);
  const names = values.only?.split(",") ?? Object.keys(FORMS);
  const unknown = names.filter((name) => !(name in FORMS));
  if (unknown.length > 0 || !(share > 0)) {
    console.error(
      `Cannot run --only=${names.join()} --share=${share}: expected some of ` +
        `${Object.keys(FORMS).join()}, and a share above 0`,
    );
    Deno.exitCode = 2;
    return;
  }
  const rows = [];
  for (const name of names) {
    const { load, ...whole } = FORMS[name]!;
    const times = Math.ceil(whole.times * share);
    console.error(`== ${name}: ${times} times`);
    const form = await load();
    const startedAt = performance.now();
    const found = await form(times);
    const seconds = (performance.now() - startedAt) / 1000;
    rows.push(...found.map((row, index) => ({ ...row, seconds: index === 0 ? seconds : NaN })));
  }
  console.log(enduranceTable(rows));
  for (const { form, failures } of rows) {
    for (const failure of failures) console.error(`${form}: ${failure}`);
    if (failures.length > 0) Deno.exitCode = 1;
  }
}
