/** Running of other programs. */

/** Exit code and output of a program. */
export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Options of running a program. */
interface AskOptions {
  cwd?: string;
  /** Variables added to those of this process; all variables with `clearEnv`. */
  env?: Record<string, string>;
  /** True to pass on no variables of this process. */
  clearEnv?: boolean;
  signal?: AbortSignal;
}

/** Runs a program to its end, or until the signal ends it; returns undefined where the program is missing. */
export async function ask(
  program: string,
  args: readonly string[],
  options: AskOptions = {},
): Promise<Answer | undefined> {
  const linker = mayRunAll() ? [] : Object.entries(variablesOf(options))
    .filter(([name, value]) => OF_THE_LINKER.test(name) && value !== "");
  try {
    return linker.length === 0
      ? await run(program, { args: [...args], ...options })
      : await runWithLinker(linker, [program, ...args], options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function run(program: string, options: Deno.CommandOptions): Promise<Answer> {
  const command = new Deno.Command(program, { stdin: "null", ...options });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Returns the variables of a program. */
function variablesOf({ env, clearEnv = false }: AskOptions): Record<string, string> {
  return { ...clearEnv ? {} : Deno.env.toObject(), ...env };
}

/** Names of the variables of the dynamic linker, as `module load`, conda and profilers set them. */
const OF_THE_LINKER = /^(LD|DYLD)_/;

/** Returns true where this process may run every program, with any variable. */
function mayRunAll(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/** Exit code and stderr of the shell below for a missing program. */
const MISSING = { code: 127, stderr: "byol: missing" };

/** Exports its arguments up to a "--", and becomes the program that follows. */
const EXPORT_AND_RUN = `while [[ $1 != -- ]]; do export "$1"; shift; done; shift
if ! type -P -- "$1" >/dev/null; then printf %s '${MISSING.stderr}' >&2; exit ${MISSING.code}; fi
exec "$@"`;

/**
 * Runs a program with the linker's variables, where --allow-run names the programs: Deno then refuses a child with such
 * variables, so a shell without them sets them again. The program sees the same environment as from the user's shell.
 */
async function runWithLinker(
  linker: readonly [name: string, value: string][],
  words: readonly string[],
  options: AskOptions,
): Promise<Answer | undefined> {
  // bash itself would read BASH_ENV, whose commands may print: the variable is exported for the program as well.
  const { BASH_ENV, ...others } = variablesOf(options);
  const exported = BASH_ENV === undefined ? linker : [...linker, ["BASH_ENV", BASH_ENV]];
  const settings = exported.map(([name, value]) => `${name}=${value}`);
  const answer = await run("bash", {
    ...options,
    args: ["-c", EXPORT_AND_RUN, "bash", ...settings, "--", ...words],
    clearEnv: true,
    env: Object.fromEntries(Object.entries(others).filter(([name]) => !OF_THE_LINKER.test(name))),
  });
  const missing = answer.code === MISSING.code && answer.stderr.endsWith(MISSING.stderr);
  return missing ? undefined : answer;
}
