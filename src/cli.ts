/** Dispatch of `src/cli.ts [--set-up] COMMAND [OPTIONS]`: help and wrong options are answered before any set-up. */

import { fileURLToPath } from "node:url";
import { wantsHelp, withOperands } from "./base/command_line.ts";
import { ExitCode, runMain, UserError } from "./base/exit_codes.ts";
import { commandList, helpOf } from "./base/help.ts";
import { dropSetUp } from "./base/permissions.ts";
import { printLine } from "./base/output.ts";
import { checkArguments } from "./options/commands/check.ts";
import { folderTypedIn, withPathsFrom } from "./options/commands/typed_paths.ts";
import { type CommandName, commandNamed, COMMANDS } from "./options/commands/registry.ts";

/** The module of each command; its `main(args)` returns the exit code. */
const MODULES: Readonly<Record<CommandName, string>> = {
  train: "./commands/train/command.ts",
  eval: "./commands/eval.ts",
  embed: "./commands/embed.ts",
  export: "./commands/export.ts",
  views: "./commands/views.ts",
  pack: "./commands/pack.ts",
  info: "./commands/info.ts",
  compare: "./report/compare.ts",
  metrics: "./report/metrics_csv.ts",
  report: "./report/main.ts",
  replay: "./commands/replay/main.ts",
  watch: "./report/watch.ts",
  serve: "./report/serve/main.ts",
  submit: "./slurm/submit.ts",
  plan: "./slurm/plan.ts",
  doctor: "./slurm/doctor.ts",
};

/** The main function of a command. */
type Main = (args: readonly string[]) => number | Promise<number>;

async function main(words: readonly string[]): Promise<number> {
  const setsUp = words[0] === "--set-up";
  const [word, ...given] = setsUp ? words.slice(1) : words;
  if (word === "--help" || word === "-h") {
    printLine(commandList(Object.values(COMMANDS)));
    return ExitCode.ok;
  }
  const name = commandNamed(word);
  const typed = withOperands(given, COMMANDS[name]);
  if (wantsHelp(typed)) {
    printLine(helpOf(COMMANDS[name]));
    return ExitCode.ok;
  }
  const folder = folderTypedIn(fileURLToPath(new URL("..", import.meta.url)), initialFolder());
  const args = folder === undefined ? typed : withPathsFrom(folder, name, typed);
  if (setsUp) {
    checkArguments(name, args);
    const { ensureSetup } = await import("./setup/main.ts");
    await ensureSetup();
    await dropSetUp(name);
  }
  return await (await load(name))(args);
}

/** Returns the folder in which deno task was started, as deno task has it; undefined without that or the permission. */
function initialFolder(): string | undefined {
  try {
    return Deno.env.get("INIT_CWD");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return undefined;
  }
}

/**
 * Loads a command, whose npm packages set-up may have just installed. The name of the module is a variable, because
 * Deno resolves the packages of a literal `import()` before the program starts, and remembers the missing ones.
 *
 * @throws UserError (set-up) where an npm package is missing
 */
async function load(name: CommandName): Promise<Main> {
  const path = MODULES[name];
  try {
    return (await import(path)).main;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // Of an import, and of a `require` inside a package.
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    throw new UserError(
      `Cannot run ${name}: ${message}; run with network: deno task setup`,
      ExitCode.setup,
    );
  }
}

if (import.meta.main) await runMain(main);
