/** Errors for the end of a rank before the end of the run, as the other ranks report it. */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** Record of a rank that ended before the run did. */
export interface Departure {
  rank: number;
  host: string;
  reason: string;
  exitCode: ExitCode;
}

/** Returns the error of the remaining ranks. @param seen message of the error that the departure caused on this rank */
export function departed({ rank, host, reason, exitCode }: Departure, seen?: string): UserError {
  const detail = seen === undefined ? "" : ` (seen here as: ${seen.split("\n")[0]})`;
  return new UserError(
    `Cannot continue: rank ${rank} on ${host} ${
      exitCode === ExitCode.ranks ? reason : `ended: ${reason}`
    }${detail}`,
    exitCode,
  );
}

/** Returns a UserError with the exit code `ExitCode.ranks`. */
export function ranksError(message: string): UserError {
  return new UserError(message, ExitCode.ranks);
}

/** Returns the first line of an error's message. */
export function firstLine(error: Error): string {
  return error.message.split("\n")[0] ?? "";
}
