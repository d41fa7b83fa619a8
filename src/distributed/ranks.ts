/**
 * The ranks of a run as one of them sees them: how they meet, what rank 0 tells the others, when all stop, and who is
 * to blame when one is missing. A run on one rank has no connection.
 *
 * @module
 */

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { openNccl } from "../native/cuda.ts";
import { NativeError } from "../native/native_error.ts";
import type { Probe } from "../native/probe.ts";
import type { ProcessGroup } from "../native/process_group.ts";
import { type RankInfo, SINGLE_PROCESS } from "../runtime/rank.ts";
import { departed, type Departure, ranksError } from "./failure.ts";
import {
  agree,
  BEAT_MILLISECONDS,
  connect,
  POLL_MILLISECONDS,
  type RankRecord,
  type RanksOptions,
} from "./rendezvous.ts";

/** A rank unseen for so long is taken for dead, once something has failed. */
const SILENT_MILLISECONDS = 1500;
/** How long to look for who is missing. */
const BLAME_MILLISECONDS = 1800;

/** A run's ranks. */
export class Ranks implements Disposable {
  /** This process's place. */
  readonly rankInfo: Readonly<RankInfo>;
  readonly #group: ProcessGroup | undefined;
  readonly #hosts: readonly string[];
  readonly #stepTimeoutMilliseconds: number;
  #told = 0;

  private constructor(
    rankInfo: Readonly<RankInfo>,
    group?: ProcessGroup,
    details: { hosts: readonly string[]; stepTimeoutMilliseconds: number } = {
      hosts: [],
      stepTimeoutMilliseconds: 0,
    },
  ) {
    this.rankInfo = rankInfo;
    this.#group = group;
    this.#hosts = details.hosts;
    this.#stepTimeoutMilliseconds = details.stepTimeoutMilliseconds;
  }

  /** The ranks of a run in a single process. */
  static alone(): Ranks {
    return new Ranks(SINGLE_PROCESS);
  }

  /**
   * Waits for all ranks, makes sure that they are about to do the same, and connects them.
   *
   * @throws UserError on every rank, with one message: a rank did not come, a port is taken (ranks), ranks have
   * different options (usage) or cores (set-up)
   */
  static async init(rankInfo: Readonly<RankInfo>, options: RanksOptions): Promise<Ranks> {
    if (rankInfo.worldSize === 1) return Ranks.alone();
    const { config } = options;
    const deadline = performance.now() + 1000 * config.initTimeout;
    const group = await connect(rankInfo, { ...options, deadline });
    try {
      const record: RankRecord = { host: hostname(), core: options.core, config };
      group.set(`record/${rankInfo.rank}`, JSON.stringify(record));
      const verdict = await agree(group, rankInfo, { ...options, deadline });
      if ("refusal" in verdict) throw new UserError(verdict.refusal, verdict.exitCode);
      const stepTimeoutMilliseconds = 1000 * config.stepTimeout;
      const oneNode = rankInfo.localWorldSize === rankInfo.worldSize;
      group.openGroup({
        interface: Deno.env.get("GLOO_SOCKET_IFNAME") ?? "",
        address: oneNode ? SINGLE_PROCESS.masterAddr : "",
        timeoutMilliseconds: stepTimeoutMilliseconds,
        nccl: config.hardware === "multi-gpu" ? openNccl() : null,
      });
      return new Ranks(rankInfo, group, { hosts: verdict.hosts, stepTimeoutMilliseconds });
    } catch (error) {
      group.close();
      throw error instanceof NativeError
        ? ranksError(`Cannot connect the ranks: ${error.message}`)
        : error;
    }
  }

  /** Meets the others, does something together, and parts; an error says which rank it came from. */
  static async run<Result>(
    rankInfo: Readonly<RankInfo>,
    options: RanksOptions,
    body: (ranks: Ranks) => Promise<Result>,
  ): Promise<Result> {
    using ranks = await Ranks.init(rankInfo, options);
    try {
      const result = await body(ranks);
      ranks.barrier();
      return result;
    } catch (error) {
      throw await ranks.attributeFailure(error);
    }
  }

  /** Whether this is rank 0, which alone writes. */
  get isRankZero(): boolean {
    return this.rankInfo.rank === 0;
  }

  /** Connects a learner to the other ranks: all resume from rank 0's state. */
  join(learner: Learner, options: { syncBn: boolean }): void {
    this.#group?.join(learner, options);
  }

  /**
   * Does something on rank 0 alone and gives its result, which must survive JSON, to all. The others wait as long
   * as rank 0 lives, and throw what it throws.
   */
  async broadcast<Result>(make: () => Result | Promise<Result>): Promise<Result> {
    const group = this.#group;
    if (group === undefined) return await make();
    const key = `told/${this.#told++}`;
    if (this.isRankZero) {
      const value = await make();
      group.set(key, JSON.stringify({ value }));
      return value;
    }
    for (;;) {
      const text = group.read(key);
      if (text !== null) return JSON.parse(text).value;
      const { ages, left } = group.health();
      if (left !== null) throw departed(JSON.parse(left));
      if ((ages[0] ?? 0) > this.#stepTimeoutMilliseconds) throw this.#silent([0]);
      await sleep(POLL_MILLISECONDS);
    }
  }

  /** Does something on rank 0 alone, and returns undefined on the others, which do not wait. */
  rankZeroOnly<Result>(make: () => Result): Result | undefined {
    return this.isRankZero ? make() : undefined;
  }

  /** Does something on rank 0 and then, once that is done, on the others: what rank 0 may have to fetch, they find. */
  async rankZeroFirst<Result>(make: () => Promise<Result>): Promise<Result> {
    if (this.isRankZero) {
      const result = await make();
      await this.broadcast(() => null);
      return result;
    }
    await this.broadcast(() => null);
    return await make();
  }

  /**
   * Makes sure that all ranks have what rank 0 has. All must ask.
   *
   * @throws UserError (data) on a rank that has another value
   */
  async requireSame(what: string, value: string): Promise<void> {
    const expected = await this.broadcast(() => value);
    if (value === expected) return;
    throw new UserError(
      `Cannot run together: rank ${this.rankInfo.rank} on ${hostname()} has other ${what} than rank 0, ` +
        `${value}, expected ${expected}`,
      ExitCode.data,
    );
  }

  /** Gives a dataset this rank's share of each of a step's micro-batches. */
  shard(dataset: Dataset, microBatches: number): void {
    const { rank, worldSize: ranks } = this.rankInfo;
    dataset.setShare({ rank, ranks, microBatches });
  }

  /** Whether any rank was asked to stop. All ranks must ask at the same step; none waits for its device. */
  any(requested: boolean): boolean {
    return this.#group?.any(requested) ?? requested;
  }

  /** Whether to stop after a step. A rank alone stops at once, several ask each other after those `agreed` upon. */
  stopsAfter(requested: boolean, { agreed }: { agreed: boolean }): boolean {
    if (this.#group === undefined) return requested;
    return agreed && this.any(requested);
  }

  /** Puts all ranks' embeddings of their batches together, in the order of the ranks. All ranks must. */
  gather(dataset: Dataset): void {
    if (this.#group !== undefined) dataset.gather(this.#group);
  }

  /** Lets every rank go on with rank 0's probe. All ranks must. */
  joinProbe(probe: Probe): void {
    if (this.#group !== undefined) probe.join(this.#group);
  }

  /** Sums of whole numbers over the ranks. All ranks must ask. */
  sum(counts: readonly number[]): number[] {
    return this.#group?.sum(counts) ?? [...counts];
  }

  /** Waits until all have done their part: rank 0 holds the store, and must not end before the others. */
  barrier(): void {
    this.#group?.barrier();
  }

  /**
   * What to report for an error: where it came of another rank's end, that rank, its host and its reason. Else the
   * error is this rank's own, and the others are told.
   */
  async attributeFailure(error: unknown): Promise<unknown> {
    const group = this.#group;
    if (group === undefined) return error;
    const own = error instanceof UserError ? error : undefined;
    if (own?.exitCode === ExitCode.ranks) return error;
    const cause = own === undefined ? await this.#culprit(group) : undefined;
    const reason = (error as Error)?.message ?? String(error);
    const { rank } = this.rankInfo;
    const host = this.#hosts[rank] ?? hostname();
    const exitCode = own?.exitCode ?? ExitCode.unexpected;
    const departure: Departure = cause ?? { rank, host, reason, exitCode };
    try {
      // Without a store nobody can be told; the others see for themselves that it is gone.
      if (group.health().storeAge < SILENT_MILLISECONDS) group.leave(JSON.stringify(departure));
      // The store ends with rank 0: the others must have looked into it before.
      if (this.isRankZero) await sleep(3 * BEAT_MILLISECONDS);
    } catch (failure) {
      if (!(failure instanceof NativeError)) throw failure;
    }
    return cause === undefined ? error : departed(cause, (error as Error)?.message);
  }

  async #culprit(group: ProcessGroup): Promise<Departure | undefined> {
    const until = performance.now() + BLAME_MILLISECONDS;
    for (;;) {
      const { ages, storeAge, left } = group.health();
      if (left !== null) return JSON.parse(left);
      if (!this.isRankZero && storeAge >= SILENT_MILLISECONDS) return this.#silence(0);
      const others = ages.map((age, rank) => rank === this.rankInfo.rank ? 0 : age);
      const longest = Math.max(...others);
      if (longest >= SILENT_MILLISECONDS) return this.#silence(others.indexOf(longest));
      if (performance.now() > until) return undefined;
      await sleep(POLL_MILLISECONDS);
    }
  }

  #silence(rank: number): Departure {
    const host = this.#hosts[rank] ?? "an unknown host";
    return { rank, host, reason: "went silent", exitCode: ExitCode.ranks };
  }

  #silent([rank = 0]: number[]): UserError {
    return departed(this.#silence(rank));
  }

  /** Disconnects. */
  [Symbol.dispose](): void {
    this.#group?.close();
  }
}
