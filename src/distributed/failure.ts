/** The end of a rank before its time, as the others report it. */

import { ExitCode, UserError } from "../base/exit_codes.ts";

/** Reason of a rank that left before its time. */
export interface Departure {
  rank: number;
  host: string;
  reason: string;
  exitCode: ExitCode;
}

/** Returns the error of the ranks that remain. @param seen error that this rank had of it */
export function departed({ rank, host, reason, exitCode }: Departure, seen?: string): UserError {
  const detail = seen === undefined ? "" : ` (seen here as: ${seen.split("\n")[0]})`;
  return new UserError(
    `Cannot continue: rank ${rank} on ${host} ${
      exitCode === ExitCode.ranks ? reason : `ended: ${reason}`
    }${detail}`,
    exitCode,
  );
}

/** Returns an error with the exit code of ranks. */
export function ranksError(message: string): UserError {
  return new UserError(message, ExitCode.ranks);
}

/** Returns the first line of an error's message. */
export function firstLine(error: Error): string {
  return error.message.split("\n")[0] ?? "";
}
