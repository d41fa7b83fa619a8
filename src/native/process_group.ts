import { NativeObject } from "./handle.ts";
import { call, callText, callU32, json } from "./call.ts";
import type { Learner } from "./learner.ts";

/** How a rank reaches the store that the ranks meet at. */
export interface ConnectOptions {
  /** This process's number, from 0. */
  rank: number;
  /** Ranks in all. */
  worldSize: number;
  /** Where rank 0 opens the store. */
  host: string;
  /** Its TCP port. */
  port: number;
  /** How long one try may take. */
  connectMilliseconds: number;
  /** How often a rank says that it is alive. */
  beatMilliseconds: number;
  /** How long the store may take to answer. */
  answerMilliseconds: number;
}

/** How the ranks reach each other. */
export interface GroupOptions {
  /** A network interface by name, or "". */
  interface: string;
  /** Else an address of this machine, or "": that of the machine's name. */
  address: string;
  /** How long a rank waits for the others in a collective. */
  timeoutMilliseconds: number;
  /** The library of the GPUs' ranks (openNccl()), or null: the ranks compute on processors. */
  nccl: string | null;
}

/** What a rank knows of the others. */
export interface Health {
  /** Milliseconds since each rank was seen alive. */
  ages: number[];
  /** Milliseconds since the store, which rank 0 holds, has answered. */
  storeAge: number;
  /** What the first rank said that left before its time. */
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

  /** A key's text, or null where nobody has set it yet. */
  read(key: string): string | null {
    return JSON.parse(callText("byol_ranks_read", this.handle, json(key)));
  }

  /** Connects the ranks with each other, once all are there, and starts to watch who is alive. */
  openGroup(options: GroupOptions): void {
    call("byol_ranks_open_group", this.handle, json(options));
  }

  /** Who was seen alive when. */
  health(): Health {
    return JSON.parse(callText("byol_ranks_health", this.handle));
  }

  /** Tells the others why this rank leaves before its time; only the first one is heard. */
  leave(reason: string): void {
    call("byol_ranks_leave", this.handle, json(reason));
  }

  /** Whether any rank says so. All ranks must ask; none waits for its device. */
  any(flag: boolean): boolean {
    return callU32("byol_ranks_any", this.handle, Number(flag)) !== 0;
  }

  /** Sums of whole numbers over the ranks, each in its place. All ranks must ask. */
  sum(counts: readonly number[]): number[] {
    return JSON.parse(callText("byol_ranks_sum", this.handle, json(counts)));
  }

  /** Waits until every rank has come here. */
  barrier(): void {
    call("byol_ranks_barrier", this.handle);
  }

  /** Makes a learner go on from rank 0's state and average its gradients over the ranks. */
  join(learner: Learner, { syncBn }: { syncBn: boolean }): void {
    call("byol_learner_join", learner.handle, this.handle, Number(syncBn));
  }
}
