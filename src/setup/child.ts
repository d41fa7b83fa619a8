/** Child processes of set-up: their output goes to stderr, and they end when set-up is interrupted. */

import { showLine } from "../base/output.ts";
import { setupError } from "./setup_error.ts";

/** Log and abort signal of a set-up. */
export interface Session {
  /** One line of progress, for stderr; nothing when quiet. */
  log: (line: string) => void;
  /** True to hold back the output of children unless they fail. */
  quiet: boolean;
  /** Aborted on SIGINT or SIGTERM; its reason is what set-up then throws. */
  signal: AbortSignal;
}

/** One command to run. */
export interface Command {
  /** Program and arguments. */
  words: string[];
  /** Variables added to those of this process. */
  env?: Record<string, string>;
  cwd?: string;
  /** Returns a line for the log, every 15 seconds where stderr is not a terminal. */
  progress?: (seconds: number) => string;
}

/** Result of a command. */
export interface Outcome {
  code: number;
  stdout: string;
  /** Empty unless the session is quiet: then it has not been shown. */
  stderr: string;
}

const PROGRESS_SECONDS = 15;
const GRACE_MILLISECONDS = 3000;
const TAIL_CHARACTERS = 4000;

/**
 * Runs a command to its end, returns its stdout and passes its stderr on.
 *
 * @throws {Deno.errors.NotFound} when there is no such program.
 * @throws the signal's reason when interrupted; the whole process group of the child is ended before.
 */
export async function runChild(command: Command, session: Session): Promise<Outcome> {
  session.signal.throwIfAborted();
  const [program = "", ...args] = command.words;
  // A process group of its own (detached): cargo's compilers must end with it, not outlive it.
  const child = new Deno.Command(program, {
    args,
    env: command.env,
    cwd: command.cwd,
    stdin: "null",
    stdout: "piped",
    stderr: session.quiet ? "piped" : "inherit",
    detached: true,
  }).spawn();
  let killTimer: ReturnType<typeof setTimeout> | undefined;
  function end(): void {
    signalGroup(child.pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MILLISECONDS);
  }
  session.signal.addEventListener("abort", end, { once: true });
  const started = performance.now();
  const ticker = command.progress === undefined || Deno.stderr.isTerminal()
    ? undefined
    : setInterval(() => {
      const seconds = Math.round((performance.now() - started) / 1000);
      session.log(command.progress?.(seconds) ?? "");
    }, PROGRESS_SECONDS * 1000);
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      session.quiet ? new Response(child.stderr).text() : "",
    ]);
    session.signal.throwIfAborted();
    return { code: status.code, stdout, stderr };
  } finally {
    clearTimeout(killTimer);
    clearInterval(ticker);
    session.signal.removeEventListener("abort", end);
  }
}

function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // Already gone: nothing is left to end.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Runs a command for its stdout; undefined when there is no such program or it fails. */
export async function outputOf(words: string[], session: Session): Promise<string | undefined> {
  try {
    const { code, stdout } = await runChild({ words }, { ...session, quiet: true });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Runs a command that has to succeed; `task` completes the sentence "Cannot …" and names the program. */
export async function mustRun(command: Command, task: string, session: Session): Promise<string> {
  const { code, stdout, stderr } = await runChild(command, session);
  if (code !== 0) {
    if (stderr !== "") showLine(stderr.slice(-TAIL_CHARACTERS));
    throw setupError(`Cannot ${task}: status ${code}, expected 0; the messages are above`);
  }
  return stdout;
}
