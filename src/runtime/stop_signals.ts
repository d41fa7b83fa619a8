/** Signals that ask a program to stop, and the one that lets a job rest. */

import { constants } from "node:os";
import { ignoresHangup, keepHangupIgnored } from "../base/hangup.ts";
import { signalGroup } from "../base/libc.ts";

/** SIGUSR1 is left alone: it opens Deno's debugger port. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;
/** `deno task` passes a Ctrl-Z on that the program has had from the terminal; both come within this time. */
const SAME_REQUEST_MILLISECONDS = 100;

/** Returns the signals that stop: SIGHUP is not among them where `nohup` has it ignored. */
export function stopSignals(): (typeof STOP_SIGNALS[number])[] {
  return STOP_SIGNALS.filter((name) => name !== "SIGHUP" || !ignoresHangup());
}

/** Listens to the signals that stop. @returns what ends the listening */
export function listenForStops(listener: (signal: Deno.Signal) => void): Disposable {
  using held = new DisposableStack();
  for (const signal of stopSignals()) {
    const heard = (): void => listener(signal);
    Deno.addSignalListener(signal, heard);
    held.defer(() => Deno.removeSignalListener(signal, heard));
  }
  keepHangupIgnored();
  return held.move();
}

/**
 * Lets Ctrl-Z stop the whole job under `deno task`. That catches the signal and waits for a program that has stopped:
 * the shell sees no job stop, and the terminal is frozen. Does nothing elsewhere.
 *
 * @returns what ends the listening
 */
export function restWithTask(): Disposable {
  using held = new DisposableStack();
  // `deno task` and npm set INIT_CWD.
  if (!Deno.env.has("INIT_CWD") || !Deno.stdin.isTerminal()) return held.move();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restedAt = -Infinity;
  const listener = (): void => {
    if (performance.now() - restedAt < SAME_REQUEST_MILLISECONDS) return;
    timer ??= setTimeout(() => {
      signalGroup(constants.signals.SIGSTOP);
      restedAt = performance.now();
      timer = undefined;
    }, SAME_REQUEST_MILLISECONDS);
  };
  Deno.addSignalListener("SIGTSTP", listener);
  held.defer(() => Deno.removeSignalListener("SIGTSTP", listener));
  held.defer(() => clearTimeout(timer));
  return held.move();
}
