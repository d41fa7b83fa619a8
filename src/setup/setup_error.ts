/** Errors of an installation. */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** The command that repairs an installation. */
export const REPAIR = "deno task setup";

/** An error of the installation. @param message What could not be done, and the command that repairs it. */
export function setupError(message: string): UserError {
  return new UserError(message, ExitCode.setup);
}
