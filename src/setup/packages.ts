/**
 * The npm packages that programs of the project import: installed once into node_modules, so that no later invocation asks
 * the network (deno.json's "nodeModulesDir": "manual").
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../base/exit_codes.ts";
import { exists } from "../base/files.ts";
import { mustRun, type Session } from "./child.ts";

/** Value in place of the hash where packages could not be installed. */
export const MISSING = "missing";

/** Returns a hash of deno.lock; empty where a checkout has none, "missing" where the packages are not there. */
export function packagesHash(root: string): string {
  const lock = join(root, "deno.lock");
  if (!exists(lock)) return "";
  return exists(join(root, "node_modules"))
    ? createHash("sha256").update(Deno.readFileSync(lock)).digest("hex")
    : MISSING;
}

/**
 * Installs the packages.
 *
 * @returns packagesHash(); MISSING where a package could not be fetched: the commands that need the package report it
 */
export async function installPackages(
  root: string,
  { offline, session }: { offline: boolean; session: Session },
): Promise<string> {
  if (!exists(join(root, "deno.lock"))) return "";
  const words = [
    // Frozen: a package that deno.lock does not hold, with its hash, is refused and not added.
    ...[Deno.execPath(), "install", "--quiet", "--frozen"],
    ...(offline ? ["--cached-only"] : []),
  ];
  try {
    await mustRun({ words, cwd: root }, "install the npm packages", session);
    return packagesHash(root);
  } catch (error) {
    session.signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    session.log(
      `${error.message}; training continues without, reports and TensorBoard's files do not`,
    );
    return MISSING;
  }
}
