/**
 * `watch`: shows a run in the terminal from its files alone, as over ssh on a login node, without an open port.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../base/exit_codes.ts";
import { print, printLine } from "../base/output.ts";
import { readCommand } from "../options/commands/registry.ts";
import { WATCH } from "../options/commands/report.ts";
import { runPathOf } from "../run/folder.ts";
import { readRun } from "./run_data.ts";
import { frameOf } from "./watch_frame.ts";

const CLEAR = "\x1b[H\x1b[2J";

/**
 * Shows a run until it is finished; only one frame with `--once`, or where stdout is no terminal.
 *
 * @returns the exit code
 * @throws UserError for wrong options, and for a folder without a run
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const { runDir, every, once } = readCommand(WATCH, args).own;
  for (;;) {
    const run = readRun(runPathOf(runDir));
    const frame = frameOf(run, { columns: columns(), now: Date.now() });
    if (once || !Deno.stdout.isTerminal()) {
      printLine(frame.text);
      return ExitCode.ok;
    }
    // A terminal that has hung up shows no later frame either.
    if (!print(`${CLEAR}${frame.text}\n`) || frame.isFinished) return ExitCode.ok;
    await sleep(1000 * every);
  }
}

function columns(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns || 80 : 80;
  } catch {
    return 80;
  }
}
