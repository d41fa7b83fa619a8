/** The program as a child process, started as its task starts it. */

import { projectRoot } from "../../src/setup/record.ts";

const RUN = ["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"];

/** Options of a network so small that a step takes some ten milliseconds. */
export const TINY: readonly string[] = [
  "--hidden_dim=16",
  "--z_dim=8",
  "--batch_size=8",
  "--log_every=1",
  "--threads=1",
  "--nb_workers=1",
];

/** Starts it: `train`, `eval` or `info` with options. Its output is dropped. */
export function startProgram(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...RUN, "--allow-sys", "src/cli.ts", ...args],
    cwd: projectRoot,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Runs it to its end. */
export async function runProgram(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...RUN, "--allow-sys", "src/cli.ts", ...args],
    cwd: projectRoot,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
