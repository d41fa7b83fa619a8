/** Running of other programs. */

/** Exit code and output of a program. */
export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, or until the signal ends it; returns undefined where the program is missing. */
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
