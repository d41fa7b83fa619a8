/** `serve`: a live page of all runs below a folder, for this machine's browser or one behind `ssh -L`. */

import { resolve } from "node:path";
import { SERVE_PORT } from "../../base/permissions.ts";
import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { asUserError } from "../../base/expected.ts";
import { printLine } from "../../base/output.ts";
import { readCommand } from "../../options/commands/registry.ts";
import { SERVE } from "../../options/commands/serve.ts";
import { handlerOf } from "./handler.ts";
import { LiveRuns } from "./live_runs.ts";

/** Interval at which files that are not read yet are looked for, in milliseconds. */
const READ_INTERVAL = 2000;
const HOST = "127.0.0.1";

/**
 * Serves the page until the process is ended.
 *
 * @returns the exit code
 * @throws UserError for wrong options, a folder that cannot be read, and a port that is taken
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const { runDir, port } = readCommand(SERVE, args).own;
  requirePermissions(runDir, port);
  requireFolder(runDir);
  const runs = new LiveRuns(runDir);
  await runs.poll();
  const token = tokenOf();
  const script = Deno.readTextFileSync(new URL("./client.js", import.meta.url));
  const handler = handlerOf({ token, folder: runDir, runs, script });
  using reading = readInBackground(runs);
  const server = listen(handler, port);
  void reading;
  printLine(`Runs below ${runDir}, until Ctrl-C:`);
  printLine(`http://${HOST}:${server.addr.port}/${token}/`);
  printLine(`From another machine first: ssh -L ${port}:${HOST}:${port} HOST`);
  await server.finished;
  return ExitCode.ok;
}

/** Returns 128 random bits as text. */
function tokenOf(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

function readInBackground(runs: LiveRuns): Disposable {
  const stop = new AbortController();
  let isReading = false;
  const timer = setInterval(async () => {
    if (isReading) return;
    isReading = true;
    await runs.readAll(stop.signal);
    isReading = false;
  }, READ_INTERVAL);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
    },
  };
}

function listen(
  handler: (request: Request) => Promise<Response>,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: HOST, port, automaticCompression: true, onListen() {} }, handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new UserError(
        `Cannot listen on ${HOST}:${port}: another process does, expected a free port; ${
          commandFor("runs", port + 1)
        }`,
        ExitCode.usage,
      );
    }
    throw asUserError(error, ExitCode.usage, { task: `listen on ${HOST}:${port}` });
  }
}

function requirePermissions(folder: string, port: number): void {
  const net = { name: "net", host: `${HOST}:${port}` } as const;
  const mayRead = Deno.permissions.querySync({ name: "read", path: folder }).state === "granted";
  if (mayRead && Deno.permissions.querySync(net).state === "granted") return;
  const what = mayRead ? `listen on port ${port}` : `read ${folder}`;
  throw new UserError(
    `Cannot ${what}: deno task serve may read runs/ and listen on port ${SERVE_PORT} alone, expected: ${
      commandFor(folder, port)
    }`,
    ExitCode.usage,
  );
}

/** Returns the command that serves another folder or listens on another port. */
function commandFor(folder: string, port: number): string {
  const words = folder === "runs" ? "" : ` --run_dir=${quoted(resolve(folder))}`;
  const read = folder === "runs" ? "runs" : quoted(resolve(folder));
  return `deno run --allow-read=${read},src --allow-env=NODE_ENV --allow-net=${HOST}:${port} src/cli.ts serve${words}` +
    (port === SERVE_PORT ? "" : ` --port=${port}`);
}

function quoted(path: string): string {
  return /^[\w./@%+=:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function requireFolder(path: string): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw asUserError(error, ExitCode.runFolder, { task: `read ${path}` });
    }
  }
  throw new UserError(
    `Cannot serve ${path}: there is no such folder, expected one with runs below it`,
    ExitCode.runFolder,
  );
}
