/**
 * The ranks of a run as one of them sees them: how they meet, what rank 0 tells the others, when all stop, and who is
 * to blame when one is missing. A run on one rank has no connection.
 *
 * @module
 */

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunConfig } from "../options/config.ts";
import { FIELDS, optionOf } from "../options/table.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import { openNccl } from "../native/cuda.ts";
import { NativeError } from "../native/native_error.ts";
import type { Probe } from "../native/probe.ts";
import { ProcessGroup } from "../native/process_group.ts";
import { type RankInfo, SINGLE_PROCESS } from "../runtime/rank.ts";

/** What all ranks must agree on before they work together. */
export interface RankRecord {
  host: string;
  /** The core, by the hash of its sources. */
  core: string;
  config: RunConfig;
}

/** Arguments of `Ranks.init`. */
export interface RanksOptions {
  /** The options of the run, which all ranks must have alike. */
  config: RunConfig;
  /** The core, by the hash of its sources. */
  core: string;
  /** Whether this process has been asked to stop. */
  interrupted: () => boolean;
}

/** Options that may differ from rank to rank: what a machine has, not what a run does. */
const OF_THE_MACHINE: readonly (keyof RunConfig)[] = ["threads", "nbWorkers", "dataDir"];
const BEAT_MILLISECONDS = 250;
/** A rank unseen for so long is taken for dead, once something has failed. */
const SILENT_MILLISECONDS = 1500;
/** How long to look for who is missing. */
const BLAME_MILLISECONDS = 1800;
const CONNECT_MILLISECONDS = 1000;
const POLL_MILLISECONDS = 50;
/** Rank 0 decides at its own time limit; the others hear of it a little later. */
const VERDICT_GRACE_MILLISECONDS = 1000;

/** Why a rank left before its time. */
interface Departure {
  rank: number;
  host: string;
  reason: string;
  exitCode: ExitCode;
}

type Verdict = { hosts: string[] } | { refusal: string; exitCode: ExitCode };

/** The process was asked to stop before the ranks had met. */
export class InitInterrupted extends UserError {
  /** Nothing has been done, so nothing is lost. */
  constructor() {
    super("Interrupted while the ranks were meeting: nothing was begun", ExitCode.interrupted);
  }
}

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

  /** Gives a dataset this rank's share of each batch. */
  shard(dataset: Dataset, parts: number): void {
    const { rank, worldSize: ranks } = this.rankInfo;
    dataset.setShare({ rank, ranks, parts });
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

/** Rank 0 opens the store; the others try until it is there. */
async function connect(
  rankInfo: Readonly<RankInfo>,
  { config, interrupted, deadline }: RanksOptions & { deadline: number },
): Promise<ProcessGroup> {
  const { rank, worldSize, masterAddr: host, masterPort: port } = rankInfo;
  for (;;) {
    try {
      return ProcessGroup.connect({
        rank,
        worldSize,
        host,
        port,
        connectMilliseconds: CONNECT_MILLISECONDS,
        beatMilliseconds: BEAT_MILLISECONDS,
        answerMilliseconds: 1000 * config.stepTimeout,
      });
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      if (rank === 0) {
        throw ranksError(
          `Cannot open port ${port} for the ${worldSize} ranks to meet: ${
            firstLine(error)
          }, expected ` +
            "one that is free: set MASTER_PORT to another",
        );
      }
      if (performance.now() > deadline) {
        throw ranksError(
          `Cannot reach rank 0 at ${host}:${port} from rank ${rank} on ${hostname()} within ` +
            `--init_timeout=${config.initTimeout} s: ${firstLine(error)}`,
        );
      }
    }
    if (interrupted()) throw new InitInterrupted();
    await sleep(POLL_MILLISECONDS);
  }
}

/** Rank 0 reads what every rank is about to do and decides for all. */
async function agree(
  group: ProcessGroup,
  rankInfo: Readonly<RankInfo>,
  { config, interrupted, deadline }: RanksOptions & { deadline: number },
): Promise<Verdict> {
  const records: (RankRecord | undefined)[] = [];
  const limit = rankInfo.rank === 0 ? deadline : deadline + VERDICT_GRACE_MILLISECONDS;
  for (;;) {
    const decided = rankInfo.rank === 0
      ? await decide(group, rankInfo, { records, config, late: performance.now() > limit })
      : JSON.parse(readOrExplain(group) ?? "null") as Verdict | null;
    if (decided !== null) return decided;
    if (interrupted()) {
      if (rankInfo.rank === 0) publish(group, refusalOf(new InitInterrupted()));
      throw new InitInterrupted();
    }
    if (rankInfo.rank !== 0 && performance.now() > limit) {
      throw ranksError(
        `Cannot join the ranks: rank 0 at ${rankInfo.masterAddr}:${rankInfo.masterPort} decided nothing ` +
          `within --init_timeout=${config.initTimeout} s`,
      );
    }
    await sleep(POLL_MILLISECONDS);
  }
}

function readOrExplain(group: ProcessGroup): string | null {
  try {
    return group.read("verdict");
  } catch (error) {
    throw ranksError(`Cannot join the ranks: rank 0 has gone (${firstLine(error as Error)})`);
  }
}

async function decide(
  group: ProcessGroup,
  { worldSize }: Readonly<RankInfo>,
  { records, config, late }: {
    records: (RankRecord | undefined)[];
    config: RunConfig;
    late: boolean;
  },
): Promise<Verdict | null> {
  for (let rank = 0; rank < worldSize; rank++) {
    records[rank] ??= JSON.parse(group.read(`record/${rank}`) ?? "null") ?? undefined;
  }
  const missing = [...records.keys()].filter((rank) => records[rank] === undefined);
  if (missing.length > 0 && !late) return null;
  const verdict: Verdict = missing.length > 0
    ? refusalOf(ranksError(
      `Cannot run on ${worldSize} ranks: ${
        missing.length === 1 ? `rank ${missing[0]}` : `ranks ${missing.join(", ")}`
      } did not come within --init_timeout=${config.initTimeout} s`,
    ))
    : verdictOn(records as RankRecord[]);
  publish(group, verdict);
  // The store closes with rank 0: the others must have read it before.
  if ("refusal" in verdict) await sleep(VERDICT_GRACE_MILLISECONDS / 2);
  return verdict;
}

function publish(group: ProcessGroup, verdict: Verdict): void {
  group.set("verdict", JSON.stringify(verdict));
}

/** Whether the ranks may run together. */
export function verdictOn(records: readonly RankRecord[]): Verdict {
  const [first] = records;
  for (const [rank, record] of records.entries()) {
    if (first === undefined || rank === 0) continue;
    const pair = `rank 0 on ${first.host} and rank ${rank} on ${record.host}`;
    if (record.core !== first.core) {
      return refusalOf(
        new UserError(
          `Cannot run together: ${pair} have different cores, ${first.core.slice(0, 12)} and ` +
            `${record.core.slice(0, 12)}, expected one; run on both: deno task setup`,
          ExitCode.setup,
        ),
      );
    }
    const differences = FIELDS
      .filter((field) => !OF_THE_MACHINE.includes(field))
      .filter((field) => record.config[field] !== first.config[field])
      .map((field) =>
        `--${optionOf(field).option} is ${first.config[field]} there and ${
          record.config[field]
        } here`
      );
    if (differences.length > 0) {
      return refusalOf(
        new UserError(
          `Cannot run together: ${pair} have different options: ${differences.join("; ")}`,
          ExitCode.usage,
        ),
      );
    }
  }
  return { hosts: records.map(({ host }) => host) };
}

function refusalOf({ message, exitCode }: UserError): Verdict {
  return { refusal: message, exitCode };
}

function departed({ rank, host, reason, exitCode }: Departure, seen?: string): UserError {
  const detail = seen === undefined ? "" : ` (seen here as: ${seen.split("\n")[0]})`;
  return new UserError(
    `Cannot go on: rank ${rank} on ${host} ${
      exitCode === ExitCode.ranks ? reason : `ended: ${reason}`
    }${detail}`,
    exitCode,
  );
}

function ranksError(message: string): UserError {
  return new UserError(message, ExitCode.ranks);
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0] ?? "";
}
