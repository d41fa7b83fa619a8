/**
 * Checks of a command line before anything is installed, opened or downloaded.
 *
 * @module
 */

import { thisEnvironment } from "../environment.ts";
import { parseCommandLine } from "../parse.ts";
import { type CommandName, COMMANDS, readCommand } from "./registry.ts";
import type { CommandSpec } from "../../base/command_line.ts";

/**
 * Checks a command line as far as it needs neither core nor checkpoint: every option by itself, and those of a training
 * in combination.
 *
 * @throws UserError (usage) as the command itself would
 */
export function checkArguments(name: CommandName, args: readonly string[]): void {
  const spec: CommandSpec = COMMANDS[name];
  const { rest } = readCommand(spec, args);
  const isTraining = name === "train";
  if (isTraining || spec.beside?.join() === "train") {
    parseCommandLine("train", isTraining ? args : rest, thisEnvironment());
  }
}
