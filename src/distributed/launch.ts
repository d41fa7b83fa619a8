/**
 * Launcher of the ranks of a run on this machine (`--ranks=N`), one process each, like srun or torchrun. The launcher
 * prefixes the ranks' output, forwards signals, and ends all ranks when one of them fails.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { ExitCode, usageError } from "../base/exit_codes.ts";
import { keepHangupIgnored } from "../base/hangup.ts";
import { print, show, showLine } from "../base/output.ts";
import { LOCAL_RANK_PERMISSIONS } from "../base/permissions.ts";
import { LAUNCHER_PIPE } from "../runtime/interrupt.ts";
import { listenForStops, restWithTask } from "../runtime/stop_signals.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";

/** Time that the other ranks have to end by themselves after a rank has failed. */
const GRACE_MILLISECONDS = 5000;

/**
 * Runs the program on several ranks.
 *
 * @param args arguments of each rank, the command first
 * @returns the worst of the ranks' exit codes
 * @throws UserError (usage) without the permission to run programs
 */
export async function launch(ranks: number, args: readonly string[]): Promise<number> {
  requirePrograms(ranks);
  keepHangupIgnored();
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
        [LAUNCHER_PIPE]: "1",
      },
      // Nothing is written to it: each rank stops, saved, where it ends with this process.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn());

  const toAll = (signal: Deno.Signal): void => {
    for (const child of children) send(child, signal);
  };
  using _rest = restWithTask();
  using _stops = listenForStops(toAll);
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
        // Rank 0 prints the result to stdout, which a script may read: it gets no prefix.
        rank === 0 ? copy(child.stdout, print) : copyLines(child.stdout, { to: print, rank }),
        copyLines(child.stderr, { to: show, rank }),
      ]);
      if (signal !== null) showLine(`[rank ${rank}] ended by ${signal}`);
      if (code !== ExitCode.ok) timer ??= setTimeout(killAll, GRACE_MILLISECONDS);
      // A rank that this launcher killed has not failed by itself.
      return killed && signal === "SIGKILL" ? ExitCode.ok : code;
    }));
    return worstOf(codes);
  } finally {
    clearTimeout(timer);
  }
}

/** Refuses a process that may not start ranks, such as the one task of a job. @throws UserError (usage) */
function requirePrograms(ranks: number): void {
  const command = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command }).state === "granted") return;
  throw usageError(
    `Cannot start ${ranks} ranks: this process may not run programs (--allow-run); expected deno task, or ` +
      `--ntasks=${ranks} of Slurm`,
  );
}

/**
 * Returns the exit code that explains the most. A failure of a rank's own precedes `ExitCode.ranks` (another rank was
 * lost), which precedes `ExitCode.interrupted`.
 */
export function worstOf(codes: readonly number[]): number {
  const severity = (code: number): number => {
    if (code === ExitCode.ok) return 0;
    if (code === ExitCode.interrupted) return 1;
    return code === ExitCode.ranks ? 2 : 2 + code;
  };
  return codes.reduce((worst, code) => severity(code) > severity(worst) ? code : worst, 0);
}

/** Returns a free TCP port. Where another program takes the port before rank 0 does, rank 0 reports an error. */
function freePort(): number {
  using listener = Deno.listen({ hostname: SINGLE_PROCESS.masterAddr, port: 0 });
  return listener.addr.port;
}

type Output = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Reads a rank's output to its end, also where nothing of it can be shown: a full pipe would stop the rank. */
async function copy(from: Output, to: (bytes: Uint8Array) => void): Promise<void> {
  for await (const bytes of from) to(bytes);
}

/** Reads a rank's output to its end, as `copy()` does, and names the rank in each line. */
async function copyLines(
  from: Output,
  { to, rank }: { to: (line: string) => void; rank: number },
): Promise<void> {
  for await (const line of from.pipeThrough(new TextDecoderStream()).pipeThrough(textLines())) {
    to(`[rank ${rank}] ${line}\n`);
  }
}

/** Returns a stream that cuts text into lines. */
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

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // The process has ended already.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
