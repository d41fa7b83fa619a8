/** Entry of the project's programs: help, options, and the documented exit codes. */

import { printLine } from "./output.ts";
import {
  type CommandSpec,
  type OptionTable,
  readOptions,
  type Values,
  wantsHelp,
} from "./command_line.ts";
import { ExitCode, runMain } from "./exit_codes.ts";
import { helpOf } from "./help.ts";

/** Runs a program of one command: prints its help, or calls `main` with its options. */
export async function runProgram<Table extends OptionTable>(
  spec: CommandSpec<Table>,
  main: (values: Values<Table>) => ExitCode | Promise<ExitCode>,
): Promise<void> {
  await runMain(async (args) => {
    if (!wantsHelp(args)) return await main(readOptions(args, spec).values);
    printLine(helpOf(spec));
    return ExitCode.ok;
  });
}
