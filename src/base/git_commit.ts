/** Reading of a checkout's commit without Git. */

import { isSystemError } from "./expected.ts";
import { isAbsolute, join } from "node:path";

/**
 * Returns the commit of a checkout, read from its .git.
 *
 * @param projectDir the root of the checkout; .git may be a folder or the file of a linked worktree
 * @returns the commit; null where there is no checkout, no commit, or no permission to read .git
 */
export function readCommit(projectDir: string): string | null {
  try {
    const gitDir = gitDirOf(projectDir);
    const head = Deno.readTextFileSync(join(gitDir, "HEAD")).trim();
    const ref = head.match(/^ref: (.+)$/)?.[1];
    return ref === undefined ? commitOrNull(head) : resolveRef(commonDirOf(gitDir), ref);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
}

function gitDirOf(projectDir: string): string {
  const path = join(projectDir, ".git");
  if (Deno.statSync(path).isDirectory) return path;
  const link = Deno.readTextFileSync(path).trim().replace(/^gitdir: /, "");
  return isAbsolute(link) ? link : join(projectDir, link);
}

/** Returns the folder of the branches, which a linked worktree shares; its HEAD lies in its own folder. */
function commonDirOf(gitDir: string): string {
  const link = textIfThere(join(gitDir, "commondir"))?.trim();
  if (link === undefined) return gitDir;
  return isAbsolute(link) ? link : join(gitDir, link);
}

function resolveRef(gitDir: string, ref: string): string | null {
  const loose = textIfThere(join(gitDir, ref));
  if (loose !== undefined) return commitOrNull(loose.trim());
  const packed = textIfThere(join(gitDir, "packed-refs")) ?? "";
  const line = packed.split("\n").find((line) => line.endsWith(` ${ref}`));
  return commitOrNull(line?.split(" ")[0] ?? "");
}

function commitOrNull(text: string): string | null {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : null;
}

function textIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
