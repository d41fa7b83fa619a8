/** SIGHUP where `nohup` has it ignored. Deno takes the signal over with the first listener to any, and then ends by it. */

import { constants } from "node:os";
import { ignore, isIgnored } from "./libc.ts";

let found: boolean | undefined;

/**
 * Returns true where this process was started with SIGHUP ignored, as `nohup` does. To be called before anything
 * listens to a signal; the answer is kept.
 */
export function ignoresHangup(): boolean {
  return found ??= Deno.permissions.querySync({ name: "ffi" }).state === "granted"
    ? isIgnored(constants.signals.SIGHUP)
    : isInMask();
}

/** Ignores SIGHUP again where it was at the start: after a listener was added, and before a rank inherits that. */
export function keepHangupIgnored(): void {
  if (ignoresHangup()) ignore(constants.signals.SIGHUP);
}

/** Asks a program, as set-up may: Deno reads no file of /proc without all permissions. */
function isInMask(): boolean {
  try {
    const args = ["^SigIgn:", `/proc/${Deno.pid}/status`];
    const { stdout } = new Deno.Command("grep", { args, stderr: "null" }).outputSync();
    const mask = /^SigIgn:\s*([0-9a-f]+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "0";
    return (BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1) & 1n) === 1n;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
