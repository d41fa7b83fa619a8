/**
 * Wheels by their hashes: a lock file in pip's own format names each wheel that is fetched with the SHA-256 of its files,
 * and pip refuses every other file (--require-hashes). tests/runner/lock_wheels.ts writes the lock files.
 */

import { fileURLToPath } from "node:url";
import { setupError } from "./setup_error.ts";

/** The lock file of all wheels that set-up fetches. */
export const WHEELS_LOCK: string = fileURLToPath(new URL("wheels.lock", import.meta.url));

/** Form of a line: one pinned requirement, a marker where it is not for all versions of Python, SHA-256 values. */
const LINE =
  /^[a-z0-9-]+==[0-9][0-9a-z.]*( ; python_version == "3\.\d+"( or python_version == "3\.\d+")*)?( --hash=sha256:[0-9a-f]{64})+$/;

/**
 * Returns the lines of a lock file that pin the given requirements, or all lines; each has a requirement and its hashes.
 *
 * @throws {UserError} (exit code 6) for a requirement that the file does not hold, and for a line without hashes
 */
export function lockedLines(requirements?: readonly string[], file = WHEELS_LOCK): string[] {
  const lines = Deno.readTextFileSync(file).replaceAll(/\s*\\\n\s*/g, " ").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const other = lines.find((line) => !LINE.test(line));
  if (other !== undefined) {
    throw setupError(
      `Cannot use ${file}: "${other}", expected a pinned requirement and its hashes`,
    );
  }
  if (requirements === undefined) return lines;
  return requirements.map((requirement) => {
    const line = lines.find((line) => requirementOf(line) === requirement);
    if (line !== undefined) return line;
    throw setupError(
      `Cannot install ${requirement}: it is not in ${file}, expected its hashes there`,
    );
  });
}

/** Returns the requirement of a line: `torch==2.11.0`. */
export function requirementOf(line: string): string {
  return line.split(/[ ;]/)[0]!;
}
