/** Running other programs, and ending with the documented codes. */

import { ExitCode, UserError } from "./exit_codes.ts";

/** Exit code and output of a program. */
export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, or until the signal ends it; undefined where there is none of that name. */
export async function ask(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      ...options,
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Runs a main function; a user's error is its sentence and its exit code. */
export async function runMain(
  main: (args: string[]) => ExitCode | Promise<ExitCode>,
): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    Deno.exitCode = error.exitCode;
  }
}
