/**
 * Runs the suite: `deno task test [--oracle=install] [--only=PART] [-- FILTER …]`. Parts: set-up, units (TypeScript and
 * Rust), parity, endurance, slurm; with --checks (`deno task ok`) the static checks come first. A filter is a part of
 * TypeScript tests' or checks' names, or the path of a file or folder of tests. --jobs=N runs N programs side by side
 * (default: as many as there are cores). --packages=install has apt bring the system's packages that tests want.
 *
 * The end is a table of times, the slowest tests, what was skipped, what failed, and the line `N passed, N failed`; the
 * exit code is 0 only when nothing failed and at least one test ran.
 */

import { wantsHelp } from "../../src/base/command_line.ts";
import { UserError } from "../../src/base/exit_codes.ts";
import { helpOf } from "../../src/base/help.ts";
import { parseRequest, TEST } from "./request.ts";
import { Run } from "./run.ts";

/** The exit code after Ctrl-C, as a shell has it. */
const INTERRUPTED = 130;

if (wantsHelp(Deno.args)) {
  console.log(helpOf(TEST));
  Deno.exit(0);
}
const interruption = new AbortController();
try {
  const run = new Run(parseRequest(Deno.args), interruption.signal);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Ctrl-C comes twice under `deno task`: once is enough.
    Deno.addSignalListener(name, () => interruption.abort(new Error(`${name} came`)));
  }
  const code = await run.toTheEnd();
  Deno.exit(interruption.signal.aborted ? INTERRUPTED : code);
} catch (error) {
  if (interruption.signal.aborted) Deno.exit(INTERRUPTED);
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  Deno.exit(error.exitCode);
}
