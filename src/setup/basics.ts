/** Helpers of every file of set-up. */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** The command that repairs an installation. */
export const REPAIR = "deno task setup";

/** An error of the installation. @param message What could not be done, and the command that repairs it. */
export function setupError(message: string): UserError {
  return new UserError(message, ExitCode.setup);
}

/** Returns true where a file or folder is there; links are followed. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** The text of a file, or undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  return exists(path) ? Deno.readTextFileSync(path) : undefined;
}

/** Removes a file; nothing happens when it is not there. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a file or a whole folder; nothing happens when it is not there. */
export async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
