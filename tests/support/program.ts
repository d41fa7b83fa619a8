/** The program as a child process, started as a job starts it. */

import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** The program. */
const PROGRAM = "src/cli.ts";
/** Its `train` on a few images. */
export const FEW_IMAGES = "tests/campaigns/endurance/few_images.ts";

/** Options of a network so small that a step takes some ten milliseconds. */
export const TINY: readonly string[] = [
  "--hidden_dim=16",
  "--z_dim=8",
  "--batch_size=8",
  "--log_every=1",
  "--threads=1",
  "--nb_workers=1",
];

/** Result of a program. */
export interface Ended {
  code: number;
  stderr: string;
}

/** Which program to run; its output is dropped, or kept. */
interface Start {
  script?: string;
  stdout?: "piped";
  stderr?: "piped";
}

function command(
  args: readonly string[],
  { script = PROGRAM, stdout, stderr }: Start = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...RANK_PERMISSIONS, script, ...args],
    cwd: projectRoot,
    stdin: "null",
    stdout: stdout ?? "null",
    stderr: stderr ?? "null",
  });
}

/** Starts it: `train`, `eval` or `info` with options. */
export function startProgram(args: readonly string[], start: Start = {}): Deno.ChildProcess {
  return command(args, start).spawn();
}

/** A program that is listened to. */
export interface Listened {
  /** Waits until its stderr has said something, or it has ended. */
  said(pattern: RegExp): Promise<void>;
  /** All that it has said so far. */
  stderr(): string;
  kill(signal: Deno.Signal): void;
  ended: Promise<Ended>;
}

/** Starts it and listens to its stderr. */
export function listenTo(
  args: readonly string[],
  { script }: Pick<Start, "script"> = {},
): Listened {
  const child = startProgram(args, { script, stderr: "piped" });
  let stderr = "";
  const awaited: { pattern: RegExp; resolve: () => void }[] = [];
  const ended = (async (): Promise<Ended> => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += text;
      for (const { pattern, resolve } of awaited) if (pattern.test(stderr)) resolve();
    }
    return { code: (await child.status).code, stderr };
  })();
  const said = async (pattern: RegExp): Promise<void> => {
    if (pattern.test(stderr)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    awaited.push({ pattern, resolve });
    await Promise.race([promise, ended]);
  };
  const kill = (signal: Deno.Signal): void => {
    try {
      child.kill(signal);
    } catch (error) {
      // It has ended before: its code tells.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  return { said, stderr: () => stderr, kill, ended };
}

/** Runs it to its end. */
export async function runProgram(
  args: readonly string[],
  { script }: Pick<Start, "script"> = {},
): Promise<Ended & { stdout: string }> {
  const { code, stdout, stderr } = await command(args, {
    script,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
