/**
 * The process group of a run, as one rank uses it: init, broadcast, shard, barrier, and the search for the rank that
 * has caused a failure. A run on one rank needs no connection; every operation then works locally.
 *
 * @module
 */

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import { showLine } from "../base/output.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { agreeOnKernels, openNccl } from "../native/cuda.ts";
import type { FineTuning } from "../native/finetune.ts";
import { NativeError } from "../native/native_error.ts";
import type { Probe } from "../native/probe.ts";
import type { ProcessGroup } from "../native/process_group.ts";
import { bitVariables } from "../runtime/fingerprint.ts";
import { type RankInfo, SINGLE_PROCESS } from "../runtime/rank.ts";
import { departureSeen, silenceAllowed } from "./beats.ts";
import { findCulprit, POLL_MILLISECONDS } from "./culprit.ts";
import { departed, type Departure } from "./failure.ts";
import { agree, connect, type RankRecord, type RanksOptions } from "./rendezvous.ts";

/** The ranks of a run. */
export class Ranks implements Disposable {
  /** Rank, world size and address of rank zero. */
  readonly rankInfo: Readonly<RankInfo>;
  readonly #group: ProcessGroup | undefined;
  readonly #hosts: readonly string[];
  readonly #stepTimeoutMilliseconds: number;
  #told = 0;
  #given = 0;

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

  /** Returns the ranks of a run in a single process. */
  static alone(): Ranks {
    return new Ranks(SINGLE_PROCESS);
  }

  /**
   * Waits for all ranks, compares their options, builds of the Rust core and variables that change bits, and connects
   * them.
   *
   * @throws UserError with one message on every rank: (ranks) where a rank did not connect in time or the port is
   * taken, (usage) where options or variables differ, (set-up) where cores differ
   */
  static async init(rankInfo: Readonly<RankInfo>, options: RanksOptions): Promise<Ranks> {
    if (rankInfo.worldSize === 1) return Ranks.alone();
    const { config } = options;
    const deadline = performance.now() + 1000 * config.initTimeout;
    const group = await connect(rankInfo, { ...options, deadline });
    try {
      const record: RankRecord = {
        ...{ host: hostname(), core: options.core, config },
        variables: bitVariables(),
      };
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
      const slower = agreeOnKernels(group);
      if (slower !== undefined) showLine(`Warning: ${slower}`);
      return new Ranks(rankInfo, group, { hosts: verdict.hosts, stepTimeoutMilliseconds });
    } catch (error) {
      group.close();
      throw asUserError(error, ExitCode.ranks, { task: "connect the ranks" });
    }
  }

  /** Connects the ranks, runs `body` on each, then waits for all. @throws the error that `attributeFailure` returns */
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

  /** True on rank 0, the only rank that writes files. */
  get isRankZero(): boolean {
    return this.rankInfo.rank === 0;
  }

  /** Connects a learner to the other ranks' learners: all get rank 0's state, and average gradients from then on. */
  join(learner: Learner, options: { syncBn: boolean }): void {
    this.#group?.join(learner, options);
  }

  /**
   * Calls `make` on rank 0 alone and returns the result, which is sent as JSON, on all ranks. The other ranks wait as
   * long as rank 0 lives.
   *
   * @throws on rank 0, the error of `make`; on the other ranks, a UserError with the same message
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

  /**
   * Returns the values of all ranks, which are sent as JSON, in the order of the ranks; undefined on ranks above 0. All
   * ranks must call this method.
   */
  collect<Value>(value: Value): Value[] | undefined {
    const group = this.#group;
    if (group === undefined) return [value];
    const key = `given/${this.#given++}`;
    group.set(`${key}/${this.rankInfo.rank}`, JSON.stringify({ value }));
    group.barrier();
    return this.rankZeroOnly(() =>
      Array.from({ length: this.rankInfo.worldSize }, (_, rank) => {
        const text = group.read(`${key}/${rank}`);
        if (text === null) throw new Error(`rank ${rank} has sent no value`);
        return JSON.parse(text).value;
      })
    );
  }

  /** Calls `make` on rank 0 alone; the others return undefined without waiting. */
  rankZeroOnly<Result>(make: () => Result): Result | undefined {
    return this.isRankZero ? make() : undefined;
  }

  /** Calls `make` on rank 0, and after that on the other ranks, which find the files that rank 0 has downloaded. */
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
   * Compares a value with rank 0's. All ranks must call this method.
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

  /** Restricts a dataset to this rank's shard of each micro-batch. */
  shard(dataset: Dataset, microBatches: number): void {
    const { rank, worldSize: ranks } = this.rankInfo;
    dataset.setShard({ rank, ranks, microBatches });
  }

  /**
   * Returns true on all ranks where `requested` is true on any, without waiting for the device. All ranks must call
   * this method at the same step.
   */
  any(requested: boolean): boolean {
    return this.#group?.any(requested) ?? requested;
  }

  /** Returns true to stop after a step. A single rank stops at once; several ranks stop only after an `agreed` step. */
  stopsAfter(requested: boolean, { agreed }: { agreed: boolean }): boolean {
    if (this.#group === undefined) return requested;
    return agreed && this.any(requested);
  }

  /** Gathers the embeddings of all ranks' batches, in the order of the ranks. All ranks must call this method. */
  gather(dataset: Dataset): void {
    if (this.#group !== undefined) dataset.gather(this.#group);
  }

  /** Makes a fine-tuning average its gradients over the ranks, and normalise their batches as one. */
  joinFineTuning(tuning: FineTuning, learner: Learner): void {
    if (this.#group !== undefined) tuning.join(learner, this.#group);
  }

  /** Gives every rank the weights of rank 0's probe. All ranks must call this method. */
  joinProbe(probe: Probe): void {
    if (this.#group !== undefined) probe.join(this.#group);
  }

  /** Sums whole numbers over the ranks. All ranks must call this method. */
  sum(counts: readonly number[]): number[] {
    return this.#group?.sum(counts) ?? [...counts];
  }

  /** Waits for all ranks. Rank 0 serves the store and must not end before the others. */
  barrier(): void {
    this.#group?.barrier();
  }

  /**
   * Returns the error to report for an error of this rank. Where the end of another rank has caused the error, the
   * returned one names that rank, its host and its reason. Any other error is returned unchanged and sent to the other
   * ranks.
   */
  async attributeFailure(error: unknown): Promise<unknown> {
    const group = this.#group;
    if (group === undefined) return error;
    const own = error instanceof UserError ? error : undefined;
    if (own?.exitCode === ExitCode.ranks) return error;
    const cause = own === undefined
      ? await this.#culprit(group) ?? this.#unanswered(error)
      : undefined;
    const reason = (error as Error)?.message ?? String(error);
    const { rank, worldSize } = this.rankInfo;
    const host = this.#hosts[rank] ?? hostname();
    const exitCode = own?.exitCode ?? ExitCode.unexpected;
    const departure: Departure = cause ?? { rank, host, reason, exitCode };
    try {
      // Without the store, no rank can be informed: each sees by itself that the store is gone.
      if (group.health().storeAge < silenceAllowed(worldSize)) {
        group.leave(JSON.stringify(departure));
      }
      // The store ends with rank 0: the other ranks must have read the departure before.
      if (this.isRankZero) await sleep(departureSeen(worldSize));
    } catch (failure) {
      if (!(failure instanceof NativeError)) throw failure;
    }
    return cause === undefined ? error : departed(cause, (error as Error)?.message);
  }

  async #culprit(group: ProcessGroup): Promise<Departure | undefined> {
    const found = await findCulprit(group, this.rankInfo);
    return typeof found === "number" ? this.#silence(found) : found;
  }

  /** Returns the departure of this rank where a collective has failed though all ranks live. */
  #unanswered(error: unknown): Departure | undefined {
    if (!(error instanceof NativeError) || error.code !== "Distributed") return undefined;
    const { rank } = this.rankInfo;
    const seconds = this.#stepTimeoutMilliseconds / 1000;
    return {
      rank,
      host: this.#hosts[rank] ?? hostname(),
      reason:
        `had no answer of the other ranks, which live: expected one within --step_timeout=${seconds} s`,
      exitCode: ExitCode.ranks,
    };
  }

  #silence(rank: number): Departure {
    const host = this.#hosts[rank] ?? "an unknown host";
    return { rank, host, reason: "went silent", exitCode: ExitCode.ranks };
  }

  #silent([rank = 0]: number[]): UserError {
    return departed(this.#silence(rank));
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#group?.close();
  }
}
