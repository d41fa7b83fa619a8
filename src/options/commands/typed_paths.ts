/** Relative paths of a command line that was typed in a folder below the program's own. */

import { isAbsolute, join, relative } from "node:path";
import { readGiven } from "../../base/command_line.ts";
import { UserError } from "../../base/exit_codes.ts";
import { type CommandName, lineOf } from "./registry.ts";

/**
 * Returns the folder in which `deno task` was typed; undefined where that is the program's own, in which tasks run.
 *
 * @param initial the folder of INIT_CWD, which deno task sets; one that is not below the program is another program's
 */
export function folderTypedIn(root: string, initial: string | undefined): string | undefined {
  if (initial === undefined || initial === "") return undefined;
  try {
    const [program, here, typed] = [root, Deno.cwd(), initial].map((path) =>
      Deno.realPathSync(path)
    ) as [string, string, string];
    const below = relative(program, typed);
    const isBelow = below !== "" && !below.startsWith("..") && !isAbsolute(below);
    return program === here && isBelow ? initial : undefined;
  } catch {
    // A folder that is gone, or that Deno's permissions hide.
    return undefined;
  }
}

/**
 * Returns a command's words with each relative path made absolute. A command line that cannot be used is returned as it
 * is: the command refuses it.
 *
 * @param folder the folder from which relative paths count
 */
export function withPathsFrom(
  folder: string,
  name: CommandName,
  args: readonly string[],
): string[] {
  const line = lineOf(name);
  try {
    const { words, passedOn } = readGiven(args, line);
    const own = words.flatMap(({ field, words }) => {
      const { option, value } = line.options[field]!;
      const text = words[1] ?? words[0]!.slice(words[0]!.indexOf("=") + 1);
      const isRelative = value.kind === "path" && !value.words?.includes(text) && !isAbsolute(text);
      return isRelative ? [`--${option}=${join(folder, text)}`] : words;
    });
    return passedOn.length === 0 ? own : [...own, "--", ...passedOn];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [...args];
  }
}
