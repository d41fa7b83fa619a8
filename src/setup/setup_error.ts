/** Errors of an installation. */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** The command that repairs an installation. */
export const REPAIR = "deno task setup";

/** Returns an error of set-up. @param message the failure, and the command that repairs it */
export function setupError(message: string): UserError {
  return new UserError(message, ExitCode.setup);
}
