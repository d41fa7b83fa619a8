/** Session of set-up: the only one in its checkout, and ended cleanly by a signal. */

import { join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { ignoresHangup } from "../base/hangup.ts";
import { showLine } from "../base/output.ts";
import { REPAIR } from "./setup_error.ts";
import type { Session } from "./child.ts";
import { withLock } from "./lock.ts";
import { stateFolder } from "./record.ts";

/**
 * Runs `work` while no other set-up runs in the checkout.
 *
 * @throws {UserError} (exit code 75) after SIGINT, SIGTERM, SIGUSR2, or a SIGHUP that is not ignored, when the children have ended.
 */
export async function exclusively<T>(
  { root, quiet = false }: { root: string; quiet?: boolean },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const interruption = new AbortController();
  function interrupt(): void {
    const message = `Cannot finish the set-up: it was interrupted; run again: ${REPAIR}`;
    interruption.abort(new UserError(message, ExitCode.interrupted));
  }
  const session: Session = {
    log: (line) => quiet || showLine(`set-up: ${line}`),
    quiet,
    signal: interruption.signal,
  };
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGUSR2"];
  if (ignoresHangup()) {
    // For good: Deno, which listens to it by now, would end by it.
    Deno.addSignalListener("SIGHUP", () => {});
  } else signals.push("SIGHUP");
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  try {
    await Deno.mkdir(stateFolder(root), { recursive: true });
    return await withLock(join(stateFolder(root), "lock"), session, () => work(session));
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  }
}
