import { callText } from "./call.ts";

/** Identity of a process among others that had or have its number. */
export interface ProcessIdentity {
  /** The boot of the machine and the name space of its process numbers; null where it does not say. */
  machine: string | null;
  /** When the process was started; null when it is gone. */
  started: string | null;
}

/** Looks a process of this machine up. */
export function describeProcess(pid: number): ProcessIdentity {
  return JSON.parse(callText("byol_process_describe", pid));
}
