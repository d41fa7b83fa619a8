import { callText } from "./call.ts";

/** Identity of a process among others that had or have its number. */
export interface ProcessIdentity {
  /** The boot of the machine and the name space of its process numbers; null where the system does not report it. */
  machine: string | null;
  /** Start time of the process; null when the process is gone. */
  started: string | null;
}

/** Returns the identity of a process of this machine. */
export function describeProcess(pid: number): ProcessIdentity {
  return JSON.parse(callText("byol_process_describe", pid));
}
