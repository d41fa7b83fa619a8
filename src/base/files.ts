/** Files that may or may not be there. */

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

/** Returns the text of a file, or undefined when there is none. */
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

/** Returns the system's own words for an error, without the call that Deno adds after them. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/\s*\(os error \d+\).*$/s, "");
}
