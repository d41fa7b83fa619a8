import { NativeObject } from "./handle.ts";
import { call, callText, callU32, json } from "./call.ts";
import type { Learner } from "./learner.ts";

/** Options of a rank's connection to the store. */
export interface ConnectOptions {
  /** This process's number, from 0. */
  rank: number;
  /** Number of ranks. */
  worldSize: number;
  /** Host on which rank 0 opens the store. */
  host: string;
  /** TCP port of the store. */
  port: number;
  /** Limit of one attempt. */
  connectMilliseconds: number;
  /** Interval of a rank's heartbeat. */
  beatMilliseconds: number;
  /** Limit of an answer of the store. */
  answerMilliseconds: number;
}

/** Options of the process group. */
export interface GroupOptions {
  /** A network interface by name, or "". */
  interface: string;
  /** Address of this machine where no interface is given; "" for the address of the machine's name. */
  address: string;
  /** Limit of a collective. */
  timeoutMilliseconds: number;
  /** The library of the GPUs' ranks (openNccl()), or null: the ranks compute on processors. */
  nccl: string | null;
}

/** State of the other ranks, as a rank knows it. */
export interface Health {
  /** Milliseconds since each rank was seen alive. */
  ages: number[];
  /** Milliseconds since the store, which rank 0 holds, has answered. */
  storeAge: number;
  /** Message of the first rank that left early. */
  left: string | null;
}

/** A rank's connection to the others: the store they meet at, and their collectives (c10d). */
export class ProcessGroup extends NativeObject {
  /** Opens the store (rank 0) or connects to it. @throws NativeError (Distributed) */
  static connect(options: ConnectOptions): ProcessGroup {
    return new ProcessGroup(callU32("byol_ranks_connect", json(options)));
  }

  /** Sets a key of the store. */
  set(key: string, value: string): void {
    call("byol_ranks_set", this.handle, json({ key, value }));
  }

  /** Reads the text of a key; null where no rank has set the key. */
  read(key: string): string | null {
    return JSON.parse(callText("byol_ranks_read", this.handle, json(key)));
  }

  /** Connects the ranks with each other once all are there, and begins to watch their heartbeats. */
  openGroup(options: GroupOptions): void {
    call("byol_ranks_open_group", this.handle, json(options));
  }

  /** Reads the age of each rank's last heartbeat. */
  health(): Health {
    return JSON.parse(callText("byol_ranks_health", this.handle));
  }

  /** Tells the other ranks the reason of this rank's early end; only the first rank's reason is kept. */
  leave(reason: string): void {
    call("byol_ranks_leave", this.handle, json(reason));
  }

  /** Returns true where any rank's flag is true. All ranks must call it; none waits for its device. */
  any(flag: boolean): boolean {
    return callU32("byol_ranks_any", this.handle, Number(flag)) !== 0;
  }

  /** Sums whole numbers over the ranks, element by element. All ranks must call it. */
  sum(counts: readonly number[]): number[] {
    return JSON.parse(callText("byol_ranks_sum", this.handle, json(counts)));
  }

  /** Waits until every rank has reached the barrier. */
  barrier(): void {
    call("byol_ranks_barrier", this.handle);
  }

  /** Makes a learner start from rank 0's state and average its gradients over the ranks. */
  join(learner: Learner, { syncBn }: { syncBn: boolean }): void {
    call("byol_learner_join", learner.handle, this.handle, Number(syncBn));
  }
}
