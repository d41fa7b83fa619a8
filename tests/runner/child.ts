/** Programs that the runner starts: their output is kept, and they end in time with all they started. */

import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../../src/setup/record.ts";
import type { StampedLine } from "./counts.ts";

/** A program to run. */
export interface Program {
  words: readonly string[];
  /** Variables added to those of this process. */
  env?: Record<string, string>;
  /** The seconds after which the program counts as hanging. */
  timeoutSeconds: number;
  /** Ends the program. */
  signal: AbortSignal;
  /** Is told each line of the output as it comes. */
  onLine?: (line: StampedLine) => void;
}

/** Result of a program. */
export interface Ended {
  success: boolean;
  /** Standard output and standard error, in the order in which they were written. */
  output: string;
  seconds: number;
  /** Seconds of processors that the program and its children took; 0 where it was ended. */
  cpuSeconds: number;
  /** Why the program was ended; undefined where it ended by itself. */
  stopped?: string;
}

/** Runs a program, both of whose outputs are one, and writes what it and its children took into the file `$0`. */
const SCRIPT = '"$@" 2>&1; code=$?; times >"$0"; exit $code';
/** Names the variable that all programs inherit which a program of the runner starts. */
const MARK = "BYOL_TEST_PROGRAM";
const GRACE_MILLISECONDS = 5000;
/** The time in which what an ended program has started may end by itself. */
const LEFTOVER_MILLISECONDS = 3000;

/**
 * Runs a program to its end, in the checkout and in a process group of its own.
 *
 * @throws {Deno.errors.NotFound} when there is no shell.
 */
export async function runProgram(program: Program): Promise<Ended> {
  program.signal.throwIfAborted();
  const mark = crypto.randomUUID();
  const started = performance.now();
  const times = await Deno.makeTempFile({ prefix: "byol-times-" });
  const child = new Deno.Command("sh", {
    args: ["-c", SCRIPT, times, ...program.words],
    cwd: projectRoot,
    env: { ...program.env, [MARK]: mark },
    stdin: "null",
    stdout: "piped",
    detached: true,
  }).spawn();
  let stopped: string | undefined;
  const killing: Promise<void>[] = [];
  const stop = (why: string): void => {
    stopped ??= why;
    killing.push(endAll(child.pid, mark));
  };
  const interrupt = (): void => stop("it was interrupted");
  const alarm = setTimeout(
    () => stop(`it took more than ${program.timeoutSeconds} s`),
    program.timeoutSeconds * 1000,
  );
  program.signal.addEventListener("abort", interrupt, { once: true });
  const output = new Output(child.stdout, { started, onLine: program.onLine });
  try {
    const { success } = await child.status;
    const seconds = (performance.now() - started) / 1000;
    await Promise.all(killing);
    const left = await endLeftovers(mark);
    await output.close();
    return {
      success: success && stopped === undefined,
      output: output.text + left.map((words) => `ended what was left running: ${words}\n`).join(""),
      seconds,
      cpuSeconds: cpuSecondsOf(await Deno.readTextFile(times)),
      stopped,
    };
  } finally {
    await Deno.remove(times);
    clearTimeout(alarm);
    program.signal.removeEventListener("abort", interrupt);
  }
}

/** Adds up the four times that a shell's `times` prints: user and system, of the shell and of its children. */
function cpuSecondsOf(text: string): number {
  const times = [...text.matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  );
}

/** Output of a program, as it comes. */
class Output {
  text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** Is fulfilled when nobody can write any more. */
  readonly ended: Promise<void>;
  readonly #started: number;
  readonly #onLine: (line: StampedLine) => void;
  #unended = "";

  constructor(
    stream: ReadableStream<Uint8Array>,
    { started, onLine = () => {} }: { started: number; onLine?: (line: StampedLine) => void },
  ) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#started = started;
    this.#onLine = onLine;
    this.ended = this.#read();
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.ended;
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      this.text += value;
      const lines = (this.#unended + value).split("\n");
      this.#unended = lines.pop() ?? "";
      const seconds = (performance.now() - this.#started) / 1000;
      for (const text of lines) this.#onLine({ text, seconds });
    }
  }
}

/** Ends a process group, and every process that has inherited the mark and left the group. */
async function endAll(group: number, mark: string): Promise<void> {
  kill(-group, "SIGTERM");
  await gone(mark, GRACE_MILLISECONDS);
  kill(-group, "SIGKILL");
  for (const { pid } of markedProcesses(mark)) kill(pid, "SIGKILL");
}

/** Ends the processes that have inherited the mark, and returns their commands. */
async function endLeftovers(mark: string): Promise<string[]> {
  await gone(mark, LEFTOVER_MILLISECONDS);
  const left = markedProcesses(mark);
  for (const { pid } of left) kill(pid, "SIGKILL");
  return left.map(({ command }) => command);
}

/** Waits until no process has the mark any more, not for long. */
async function gone(mark: string, milliseconds: number): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline && markedProcesses(mark).length > 0) await sleep(100);
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // The process has ended.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Returns the processes that have inherited a mark. */
function markedProcesses(mark: string): { pid: number; command: string }[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name));
  return pids.filter((pid) => Number.isInteger(pid) && textOf(pid, "environ").includes(mark))
    .map((pid) => ({ pid, command: textOf(pid, "cmdline").replaceAll("\0", " ").trim() }));
}

function textOf(pid: number, file: "environ" | "cmdline"): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    // The process has ended, or belongs to another user.
    return "";
  }
}
