/** All runs below a folder, looked at in intervals; each change of what the page shows has a number. */

import { setTimeout as sleep } from "node:timers/promises";
import { groupsOf } from "../../run/groups.ts";
import { LiveRun } from "./live_run.ts";
import { groupNames, groupSection, rowOf, summaryOf } from "./rows.ts";
import { runsBelow } from "./runs_below.ts";

/** Number of polls after which new runs are looked for. */
const POLLS_PER_SEARCH = 5;
/** Number of runs after which a poll lets requests pass. */
const RUNS_AT_ONCE = 20;
/** Bytes that are read in the background before requests pass. */
export const SLICE = 1 << 20;

/** Changes since a version. */
export interface Changes {
  version: number;
  /** Rows of the table as HTML, by the numbers of their runs. */
  rows: Record<string, string>;
  /** Numbers of runs that are no longer there. */
  gone: number[];
  summary: string;
  groups: string;
}

/** The runs below a folder. */
export class LiveRuns {
  readonly #root: string;
  /** The runs by their paths below the folder. */
  readonly #runs = new Map<string, LiveRun>();
  readonly #rows = new Map<number, { html: string; version: number }>();
  readonly #gone: { id: number; version: number }[] = [];
  #version = 0;
  #polls = 0;
  #lastId = 0;
  #summary = "";
  #groups = "";
  #polling: Promise<void> | undefined;

  /** @param root the folder that is served */
  constructor(root: string) {
    this.#root = root;
  }

  /** Number of the last change. */
  get version(): number {
    return this.#version;
  }

  /** Returns the run of a number. */
  runOf(id: number): LiveRun | undefined {
    return [...this.#runs.values()].find((run) => run.id === id);
  }

  /**
   * Returns the groups of evaluated runs that given runs belong to, each with all of its runs: equal in every option but
   * the seed, and evaluated at the same step.
   */
  groupsOf(chosen: readonly LiveRun[]): LiveRun[][] {
    const evaluated = [...this.#runs.values()].filter(({ evaluations }) => evaluations.length > 0);
    return groupsOf(evaluated).filter((group) => group.some((run) => chosen.includes(run)));
  }

  /** Looks at the files of all runs; a call during another one waits for that. */
  poll(): Promise<void> {
    this.#polling ??= this.#poll().finally(() => this.#polling = undefined);
    return this.#polling;
  }

  /** Reads what poll() has left unread, until all is read or the signal is given. */
  async readAll(signal: AbortSignal): Promise<void> {
    for (const run of [...this.#runs.values()]) {
      while (!run.isRead && !signal.aborted) {
        // A page waits for the poll, and not for what is read in the background.
        await this.#polling;
        run.readMore(SLICE);
        await sleep(0);
      }
    }
  }

  /** Returns what has changed after a version; 0 for everything. */
  changesAfter(version: number): Changes {
    const rows = [...this.#rows].filter(([, row]) => row.version > version);
    return {
      version: this.#version,
      rows: Object.fromEntries(rows.map(([id, { html }]) => [id, html])),
      gone: this.#gone.filter((one) => one.version > version).map(({ id }) => id),
      summary: this.#summary,
      groups: this.#groups,
    };
  }

  /** Returns all rows of the table as HTML, in the order of the runs' names. */
  tableRows(): string[] {
    return [...this.#runs.values()].map(({ id }) => this.#rows.get(id)?.html ?? "");
  }

  async #poll(): Promise<void> {
    if (this.#polls++ % POLLS_PER_SEARCH === 0) this.#search();
    let count = 0;
    for (const run of this.#runs.values()) {
      run.poll(Date.now());
      if (++count % RUNS_AT_ONCE === 0) await sleep(0);
    }
    this.#draw(Date.now());
  }

  #search(): void {
    const before = new Map(this.#runs);
    this.#runs.clear();
    for (const path of runsBelow(this.#root)) {
      const run = before.get(path) ?? new LiveRun(this.#root, { id: ++this.#lastId, path });
      this.#runs.set(path, run);
      before.delete(path);
    }
    for (const { id } of before.values()) {
      this.#rows.delete(id);
      this.#gone.push({ id, version: ++this.#version });
    }
  }

  #draw(now: number): void {
    const runs = [...this.#runs.values()];
    const groups = groupNames(runs);
    for (const run of runs) {
      const html = rowOf(run, { now, group: groups.get(run.id) });
      if (html === this.#rows.get(run.id)?.html) continue;
      this.#rows.set(run.id, { html, version: ++this.#version });
    }
    this.#summary = summaryOf(runs, now);
    const section = groupSection(runs);
    if (section !== this.#groups) this.#version++;
    this.#groups = section;
  }
}
