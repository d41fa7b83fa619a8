/**
 * Limits of a process that the shell sets.
 *
 * @module
 */

import { ask } from "../base/processes.ts";
import type { Finding } from "./doctor.ts";

/**
 * Returns a warning where addresses are limited (`ulimit -v`): Deno reserves 32 GiB of them, which costs no memory. Where
 * the limit is below that, Deno itself dies at its start, and no doctor can tell.
 */
export async function addresses(): Promise<Finding[]> {
  const answer = await ask("bash", ["-c", "ulimit -v"]);
  const limit = answer?.stdout.trim() ?? "";
  if (!/^\d+$/.test(limit)) return [];
  return [{
    what: "addresses",
    status: "warn",
    text:
      `ulimit -v is ${limit} kB, expected unlimited: Deno reserves 32 GiB of addresses, which cost no memory, and ` +
      "dies at its start below 34000000 kB; CUDA reserves more. Slurm's --mem limits memory itself",
  }];
}
