/**
 * Starts the ranks of a run on this machine, one process each, as srun or torchrun would: prefixes what they say,
 * passes signals on, ends all when one ends badly.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { ExitCode } from "../base/exit_codes.ts";
import { LOCAL_RANK_PERMISSIONS } from "../base/permissions.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";

/** Signals that ask the ranks to stop; each gets them. */
const PASSED_ON: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];
/** Time that the other ranks have to report, once a rank has failed. */
const GRACE_MILLISECONDS = 5000;
/**
 * Runs the program with the same arguments, the command first, on so many ranks.
 *
 * @returns the worst of their exit codes
 */
export async function launch(ranks: number, args: readonly string[]): Promise<number> {
  const port = freePort();
  const cli = fileURLToPath(new URL("../cli.ts", import.meta.url));
  const children = Array.from({ length: ranks }, (_, rank) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", ...LOCAL_RANK_PERMISSIONS, cli, ...args],
      env: {
        RANK: `${rank}`,
        WORLD_SIZE: `${ranks}`,
        LOCAL_RANK: `${rank}`,
        LOCAL_WORLD_SIZE: `${ranks}`,
        MASTER_ADDR: SINGLE_PROCESS.masterAddr,
        MASTER_PORT: `${port}`,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn());

  const toAll = (signal: Deno.Signal): void => {
    for (const child of children) send(child, signal);
  };
  const listeners = PASSED_ON.map((signal) => {
    const listener = (): void => toAll(signal);
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let killed = false;
  const killAll = (): void => {
    killed = true;
    toAll("SIGKILL");
  };
  try {
    const codes = await Promise.all(children.map(async (child, rank) => {
      const [{ code, signal }] = await Promise.all([
        child.status,
        // The first rank's stdout is the result's: as it is, for whoever reads it.
        rank === 0 ? copy(child.stdout, Deno.stdout) : copy(child.stdout, Deno.stdout, rank),
        copy(child.stderr, Deno.stderr, rank),
      ]);
      if (signal !== null) say(`[rank ${rank}] ended by ${signal}`);
      if (code !== ExitCode.ok) timer ??= setTimeout(killAll, GRACE_MILLISECONDS);
      // What this launcher ended went wrong by nothing of its own.
      return killed && signal === "SIGKILL" ? ExitCode.ok : code;
    }));
    return worstOf(codes);
  } finally {
    clearTimeout(timer);
    for (const stop of listeners) stop();
  }
}

/**
 * The code that says most: what went wrong on its own, rather than a rank that found another one gone, rather than an
 * interruption.
 */
export function worstOf(codes: readonly number[]): number {
  const severity = (code: number): number => {
    if (code === ExitCode.ok) return 0;
    if (code === ExitCode.interrupted) return 1;
    return code === ExitCode.ranks ? 2 : 2 + code;
  };
  return codes.reduce((worst, code) => severity(code) > severity(worst) ? code : worst, 0);
}

/** One that nobody listens at now; another program may take it before rank 0 does, which then says so. */
function freePort(): number {
  using listener = Deno.listen({ hostname: SINGLE_PROCESS.masterAddr, port: 0 });
  return listener.addr.port;
}

async function copy(
  from: ReadableStream<Uint8Array<ArrayBuffer>>,
  to: { writeSync(bytes: Uint8Array): number },
  rank?: number,
): Promise<void> {
  if (rank === undefined) {
    for await (const bytes of from) writeAll(to, bytes);
    return;
  }
  for await (const line of from.pipeThrough(new TextDecoderStream()).pipeThrough(textLines())) {
    writeAll(to, new TextEncoder().encode(`[rank ${rank}] ${line}\n`));
  }
}

/** Cuts a text into lines. */
function textLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
}

function say(line: string): void {
  writeAll(Deno.stderr, new TextEncoder().encode(`${line}\n`));
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // It has ended already.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
