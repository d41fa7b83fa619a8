/** A run that may be running: its files are looked at again and again, and each byte is read once. */

import { basename, join, resolve } from "node:path";
import { isExpected, isSystemError } from "../../base/expected.ts";
import { readOwner } from "../../base/lock_folder.ts";
import type { EvalRow } from "../../run/metrics.ts";
import { type RunFolder, runFolderAt } from "../../run/folder.ts";
import { readResult, type RunResult } from "../../run/result.ts";
import { readRunRecord, type RunRecord } from "../../run/record.ts";
import { alarmsOn, silentSeconds, speedOf } from "../alarms.ts";
import { RowFacts } from "./row_facts.ts";
import { type FileState, LineTail, outerLines, stateOf } from "./tail.ts";

/** State of a run. */
export type RunState = "running" | "finished" | "interrupted" | "stalled" | "collapsed";

/** Bytes at the end of metrics.jsonl that the first look reads. */
const FIRST_LOOK = 1 << 15;
/** Bytes that poll() reads of a file; readMore() reads what is more. */
const AT_ONCE = 1 << 18;
/** Milliseconds without a heartbeat after which a lock's owner counts as gone: ten beats of src/run/lock.ts. */
const GONE_MILLISECONDS = 100_000;

/** A run, as far as its files have been read. */
export class LiveRun {
  /** Number of the run in addresses. */
  readonly id: number;
  /** Path below the folder that is served; the folder's own name where that is the run. */
  readonly name: string;
  readonly folder: RunFolder;
  /** config.json; null where it is missing or cannot be read. */
  record: RunRecord | null = null;
  result: RunResult | undefined;
  facts: RowFacts = new RowFacts(null);
  /** Facts of all rows that were read in order; `facts` is another object while those of the first look are better. */
  #whole: RowFacts = this.facts;
  #recordProblem: string | undefined;
  #fileProblem: string | undefined;
  #config = "";
  #resultState = "";
  #file: FileState | undefined;
  #tail: LineTail;
  #beat: { touched: number; seen: number } | undefined;
  #isOwned = false;

  /**
   * Makes a run whose files are not read yet.
   *
   * @param root the folder that is served
   * @param options.path the run's folder, from there
   */
  constructor(root: string, { id, path }: { id: number; path: string }) {
    this.id = id;
    this.name = path === "." ? basename(resolve(root)) : path;
    this.folder = runFolderAt(join(root, path));
    this.#tail = new LineTail(this.folder.metricsFile);
  }

  /** True where all rows that are written have been read. */
  get isRead(): boolean {
    return this.#tail.offset >= (this.#file?.size ?? 0);
  }

  /** Looks at the files. A folder that is gone, or cannot be read, is a problem to show. */
  poll(now: number): void {
    this.#fileProblem = undefined;
    try {
      this.#readRecord();
      this.#readRows();
      const result = join(this.folder.path, "result.json");
      const state = markOf(result);
      if (state !== this.#resultState) this.result = readResult(this.folder);
      this.#resultState = state;
      this.#isOwned = this.#hasOwner(now);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#fileProblem = error.message;
    }
  }

  /** Reads on, at most so many bytes. A file that is gone in the meantime is left to the next poll(). */
  readMore(most: number): void {
    try {
      this.#read(most);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#restart();
    }
  }

  #read(most: number): void {
    const [whole, before] = [this.#whole, this.#tail.offset];
    this.#tail.read(most, (line) => whole.see(line));
    // The file has been cut short since its size was asked for: the next poll() begins again.
    if (!this.isRead && this.#tail.offset === before) return this.#restart();
    if (this.isRead) this.facts = whole;
  }

  #restart(): void {
    this.#tail = new LineTail(this.folder.metricsFile);
    this.#whole = new RowFacts(this.record);
    this.#file = undefined;
  }

  #readRecord(): void {
    const mark = markOf(this.folder.configFile);
    if (mark === this.#config) return;
    this.#config = mark;
    this.#recordProblem = undefined;
    this.record = null;
    try {
      this.record = readRunRecord(this.folder);
      if (this.record === null) {
        this.#recordProblem = "config.json is missing: the options are unknown";
      }
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.#recordProblem = error.message;
    }
    // Collapse depends on the options.
    this.#restart();
    this.facts = new RowFacts(this.record);
  }

  #readRows(): void {
    const { metricsFile } = this.folder;
    const state = stateOf(metricsFile);
    if (state === undefined) throw new Deno.errors.NotSupported(`${metricsFile}: expected a file`);
    // A resume replaces the file by a shorter one.
    const isOther = state.inode !== this.#file?.inode || state.size < this.#tail.offset;
    if (this.#file !== undefined && isOther) this.#restart();
    const isChanged = state.size !== this.#file?.size;
    this.#file = state;
    if (state.size - this.#tail.offset <= AT_ONCE) this.#read(AT_ONCE);
    else if (this.facts !== this.#whole && isChanged) this.#lookAtEnds(state.size);
  }

  #lookAtEnds(size: number): void {
    this.facts = new RowFacts(this.record);
    const lines = outerLines(this.folder.metricsFile, { size, reach: FIRST_LOOK });
    lines.forEach((line) => this.facts.see(line));
  }

  /** Returns true while the lock's file changes, or has changed lately by the clocks of both machines. */
  #hasOwner(now: number): boolean {
    const lock = join(this.folder.path, "lock");
    const owner = isPlainFolder(lock) ? readOwner(lock) : undefined;
    if (owner === undefined) {
      this.#beat = undefined;
      return false;
    }
    const isNew = this.#beat === undefined;
    if (this.#beat?.touched !== owner.touched) {
      this.#beat = { touched: owner.touched, seen: isNew ? Math.min(now, owner.touched) : now };
    }
    return now - this.#beat!.seen < GONE_MILLISECONDS;
  }

  /** The evaluations: those of the rows, or of result.json where the rows are not read yet. */
  get evaluations(): readonly EvalRow[] {
    const own = this.facts.evaluations;
    return own.length > 0 ? own : this.result?.evaluations ?? [];
  }

  /** Steps done, and steps of the whole run where they are known. */
  get steps(): { done: number; end: number | undefined } {
    const last = this.facts.recent.at(-1);
    const { result, facts: { start } } = this;
    const end = start?.end_step;
    return {
      done: result?.step ?? (last === undefined ? start?.step ?? 0 : last.step + 1),
      end: result?.step ?? (typeof end === "number" ? end : undefined),
    };
  }

  /** Returns the seconds left of the training; undefined for a run that does not run, or whose speed is unknown. */
  secondsLeft(): number | undefined {
    const { done, end } = this.steps;
    const speed = speedOf(this.facts.recent);
    const batch = this.record?.config.batchSize;
    if (!this.#isOwned || end === undefined || speed === undefined) return undefined;
    return batch === undefined ? undefined : (end - done) * batch / speed;
  }

  /** Returns the state of the run. */
  stateAt(now: number): RunState {
    if (this.facts.collapse !== undefined) return "collapsed";
    if (!this.#isOwned) return this.result === undefined ? "interrupted" : "finished";
    return this.#silentAt(now) === undefined ? "running" : "stalled";
  }

  /** Returns a line for each alarm. */
  alarmsAt(now: number): string[] {
    const { damaged } = this.facts;
    const { isTorn } = this.#tail;
    return alarmsOn({
      folder: this.folder,
      problems: [
        ...[this.#recordProblem ?? [], this.#fileProblem ?? []].flat(),
        ...damaged === 0 ? [] : [`Lines of metrics.jsonl that are no rows, left out: ${damaged}`],
        // A running run may be writing its last line at this moment.
        ...isTorn && !this.#isOwned ? ["The last line of metrics.jsonl is incomplete"] : [],
        ...[this.result?.late ?? [], this.result?.notes ?? []].flat(),
      ],
      collapse: this.facts.collapse,
      bad: this.facts.bad,
      start: this.facts.start,
      silent: this.#silentAt(now),
    });
  }

  /** Returns the seconds of a silence that is too long, in whole minutes. */
  #silentAt(now: number): number | undefined {
    if (!this.#isOwned) return undefined;
    const seconds = silentSeconds(this.facts.recent, {
      batch: this.record?.config.batchSize,
      written: this.#file?.written,
      now,
    });
    return seconds === undefined ? undefined : 60 * Math.floor(seconds / 60);
  }
}

/** Returns a text that changes with a file; "" where there is none. */
function markOf(path: string): string {
  try {
    const { ino, size, mtime } = Deno.statSync(path);
    return `${ino} ${size} ${mtime?.getTime()}`;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "";
  }
}

/** Returns true for a folder of files alone: a pipe in the lock's place would be waited for. */
function isPlainFolder(path: string): boolean {
  try {
    return [...Deno.readDirSync(path)].every(({ isFile }) => isFile);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
