/** Rendezvous of the ranks: all connect to a key-value store on rank 0, which compares their records. */

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { NativeError } from "../native/native_error.ts";
import { ProcessGroup } from "../native/process_group.ts";
import type { RunConfig } from "../options/config.ts";
import { FIELDS, optionOf } from "../options/table.ts";
import type { RankInfo } from "../runtime/rank.ts";
import { BEAT_MILLISECONDS } from "./beats.ts";
import { POLL_MILLISECONDS } from "./culprit.ts";
import { firstLine, ranksError } from "./failure.ts";
import { type WaitingNote, waitingNote } from "./waiting.ts";

/** Record of one rank. `core`, `config` and `variables` must be equal on all ranks. */
export interface RankRecord {
  host: string;
  /** Hash of the sources of the rank's Rust core. */
  core: string;
  config: RunConfig;
  /** The environment variables that are set and change bits, by name. */
  variables: Readonly<Record<string, string>>;
}

/** Options of `Ranks.init`. */
export interface RanksOptions {
  /** The options of the run, which must be equal on all ranks. */
  config: RunConfig;
  /** Hash of the sources of this process's Rust core. */
  core: string;
  /** Returns true once this process has been asked to stop. */
  interrupted: () => boolean;
}

/** Options that may differ from rank to rank, because they describe the machine and not the run. */
const OF_THE_MACHINE: readonly (keyof RunConfig)[] = ["threads", "nbWorkers", "dataDir"];
/** Time of one attempt to reach rank 0, after which signals are looked at. */
const CONNECT_MILLISECONDS = 1000;
/** Time for rank 0 to reach its own store, which takes seconds on a node that is busy; a port in use fails at once. */
const OWN_CONNECT_MILLISECONDS = 30_000;
/** Time that the other ranks wait beyond the time limit, at which rank 0 decides. */
const VERDICT_GRACE_MILLISECONDS = 1000;
/** Time for the other ranks to read a refusal before the store closes with rank 0. */
const READ_MILLISECONDS = 500;

type Verdict = { hosts: string[] } | { refusal: string; exitCode: ExitCode };

/** Error of a process that was asked to stop before all ranks had connected. */
export class InitInterrupted extends UserError {
  /** Sets the exit code of an interrupted run. */
  constructor() {
    super("Interrupted while the ranks were connecting: nothing was begun", ExitCode.interrupted);
  }
}

/**
 * Opens the store on rank 0; connects the other ranks to it, with retries until the store is open.
 *
 * @throws UserError (ranks) where the port is taken, or rank 0 is not reached before `deadline`
 */
export async function connect(
  rankInfo: Readonly<RankInfo>,
  { config, interrupted, deadline }: RanksOptions & { deadline: number },
): Promise<ProcessGroup> {
  const { rank, worldSize, masterAddr: host, masterPort: port } = rankInfo;
  const note = waitingNote(rankInfo, config);
  for (;;) {
    try {
      return ProcessGroup.connect({
        rank,
        worldSize,
        host,
        port,
        connectMilliseconds: rank === 0 ? OWN_CONNECT_MILLISECONDS : CONNECT_MILLISECONDS,
        beatMilliseconds: BEAT_MILLISECONDS,
        answerMilliseconds: 1000 * config.stepTimeout,
      });
    } catch (error) {
      if (!(error instanceof NativeError && error.isExpected)) throw error;
      if (rank === 0) {
        throw ranksError(
          `Cannot open port ${port} for the ${worldSize} ranks: ${firstLine(error)}, expected a ` +
            "free port: set MASTER_PORT to another",
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
    note(`rank 0 at ${host}:${port}`);
    await sleep(POLL_MILLISECONDS);
  }
}

/**
 * Returns rank 0's verdict on the records of all ranks: their hosts, or the reason why they cannot run together.
 *
 * @throws UserError (ranks) where rank 0 decides nothing before `deadline`
 */
export async function agree(
  group: ProcessGroup,
  rankInfo: Readonly<RankInfo>,
  { config, interrupted, deadline }: RanksOptions & { deadline: number },
): Promise<Verdict> {
  const records: (RankRecord | undefined)[] = [];
  const note = waitingNote(rankInfo, config);
  const limit = rankInfo.rank === 0 ? deadline : deadline + VERDICT_GRACE_MILLISECONDS;
  for (;;) {
    const decided = rankInfo.rank === 0
      ? await decide(group, rankInfo, { records, config, note, late: performance.now() > limit })
      : JSON.parse(readOrExplain(group, interrupted) ?? "null") as Verdict | null;
    if (decided !== null) return decided;
    if (interrupted()) {
      if (rankInfo.rank === 0) {
        publish(group, refusalOf(new InitInterrupted()));
        await sleep(READ_MILLISECONDS);
      }
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

function readOrExplain(group: ProcessGroup, interrupted: () => boolean): string | null {
  try {
    return group.read("verdict");
  } catch (error) {
    if (!(error instanceof NativeError && error.isExpected)) throw error;
    // The same signal may have ended rank 0.
    if (interrupted()) throw new InitInterrupted();
    throw ranksError(`Cannot join the ranks: rank 0 has gone (${firstLine(error)})`);
  }
}

async function decide(
  group: ProcessGroup,
  { worldSize }: Readonly<RankInfo>,
  { records, config, note, late }: {
    records: (RankRecord | undefined)[];
    config: RunConfig;
    note: WaitingNote;
    late: boolean;
  },
): Promise<Verdict | null> {
  for (let rank = 0; rank < worldSize; rank++) {
    records[rank] ??= JSON.parse(group.read(`record/${rank}`) ?? "null") ?? undefined;
  }
  const missing = [...records.keys()].filter((rank) => records[rank] === undefined);
  const names = missing.length === 1 ? `rank ${missing[0]}` : `ranks ${missing.join(", ")}`;
  if (missing.length > 0 && !late) {
    note(names);
    return null;
  }
  const verdict: Verdict = missing.length > 0
    ? refusalOf(ranksError(
      `Cannot run on ${worldSize} ranks: ${names} did not connect within --init_timeout=${config.initTimeout} s`,
    ))
    : verdictOn(records as RankRecord[]);
  publish(group, verdict);
  if ("refusal" in verdict) await sleep(READ_MILLISECONDS);
  return verdict;
}

function publish(group: ProcessGroup, verdict: Verdict): void {
  group.set("verdict", JSON.stringify(verdict));
}

/** Returns the hosts of ranks whose records agree; otherwise the message that names the first difference. */
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
    for (const [what, differences] of Object.entries(differencesOf(first, record, rank))) {
      if (differences.length === 0) continue;
      return refusalOf(
        new UserError(
          `Cannot run together: ${pair} have different ${what}: ${
            differences.join("; ")
          }; expected the same`,
          ExitCode.usage,
        ),
      );
    }
  }
  return { hosts: records.map(({ host }) => host) };
}

/** Returns a text for each option and each variable that differs from rank 0's. */
function differencesOf(
  first: RankRecord,
  record: RankRecord,
  rank: number,
): { options: string[]; variables: string[] } {
  const shown = (name: string, there: unknown, here: unknown): string =>
    `${name} is ${there} on rank 0 and ${here} on rank ${rank}`;
  const fields = FIELDS.filter((field) =>
    !OF_THE_MACHINE.includes(field) && record.config[field] !== first.config[field]
  );
  const names = Object.keys({ ...first.variables, ...record.variables })
    .filter((name) => record.variables[name] !== first.variables[name]);
  return {
    options: fields.map((field) =>
      shown(`--${optionOf(field).option}`, first.config[field], record.config[field])
    ),
    variables: names.map((name) =>
      shown(name, first.variables[name] ?? "not set", record.variables[name] ?? "not set")
    ),
  };
}

function refusalOf({ message, exitCode }: UserError): Verdict {
  return { refusal: message, exitCode };
}
