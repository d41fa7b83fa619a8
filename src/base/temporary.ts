/** Temporary folders. */

import { ExitCode } from "./exit_codes.ts";
import { asUserError } from "./expected.ts";

/**
 * Makes a folder in TMPDIR, or in /tmp; the caller removes it.
 *
 * @throws UserError (save) where that is missing or cannot be written to
 */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  try {
    return await Deno.makeTempDir({ prefix });
  } catch (error) {
    const place = Deno.env.get("TMPDIR");
    throw asUserError(error, ExitCode.save, {
      task: `make a temporary folder in ${place ? `TMPDIR=${place}` : "/tmp"}`,
      expected: "a folder that can be written to: set TMPDIR to one",
    });
  }
}
