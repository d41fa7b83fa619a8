/**
 * Check of a command line before set-up, downloads and the opening of files.
 *
 * @module
 */

import { environmentOfOne, thisEnvironment } from "../environment.ts";
import { parseCommandLine } from "../parse.ts";
import { type CommandName, COMMANDS, readCommand } from "./registry.ts";
import type { CommandSpec } from "../../base/command_line.ts";

/**
 * Checks a command line without the Rust core and the checkpoint: each option by itself, and the options of a training
 * in combination.
 *
 * @throws UserError (usage) the same errors as the command itself
 */
export function checkArguments(name: CommandName, args: readonly string[]): void {
  const spec: CommandSpec = COMMANDS[name];
  const { rest } = readCommand(spec, args);
  const isTraining = name === "train";
  if (isTraining || spec.beside?.join() === "train") {
    if (isTraining) parseCommandLine("train", args, thisEnvironment());
    else parseCommandLine("train", rest, environmentOfOne());
  }
}
