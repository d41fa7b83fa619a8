/** One invocation of `train` on one rank. */

import { NULL_TERMINAL, stderrTerminal, type Terminal } from "../../base/terminal.ts";
import type { Ranks } from "../../distributed/ranks.ts";
import type { Origins, RunConfig } from "../../options/config.ts";
import type { ParsedCommandLine } from "../../options/parse.ts";
import { type RunFolder, runFolderAt } from "../../run/folder.ts";
import { deviceOf } from "../../runtime/device.ts";
import { GpuEnergy } from "../../runtime/gpu_energy.ts";
import { type Interrupt, interrupted } from "../../runtime/interrupt.ts";

/** Options, ranks, signals and terminal of an invocation. */
export class Invocation {
  /** The ranks of the run. */
  readonly ranks: Ranks;
  /** Signals that ask this process to stop. */
  readonly interrupt: Interrupt;
  /** The resolved options. */
  readonly config: RunConfig;
  /** Origin of each option. */
  readonly origins: Origins;
  /** The device of this rank, such as "cpu" or "cuda:1". */
  readonly device: string;
  /** The paths of the run. */
  readonly folder: RunFolder;
  /** The terminal of the run, which shows nothing on ranks above 0. */
  readonly terminal: Terminal;
  /** Start of the program, on the clock of performance.now(). */
  readonly startedAt: number;
  readonly #energy: GpuEnergy | undefined;

  /** Collects the parts of an invocation, without opening any file of the run. */
  constructor(
    { config, origins }: ParsedCommandLine,
    { ranks, interrupt, startedAt }: { ranks: Ranks; interrupt: Interrupt; startedAt: number },
  ) {
    this.ranks = ranks;
    this.interrupt = interrupt;
    this.startedAt = startedAt;
    // The epochs that a budget chooses are those of this invocation alone.
    this.config = { ...config };
    this.origins = { ...origins };
    this.device = deviceOf(config, ranks.rankInfo);
    this.#energy = GpuEnergy.open(this.device);
    this.folder = runFolderAt(config.runDir);
    this.terminal = ranks.rankZeroOnly(stderrTerminal) ?? NULL_TERMINAL;
  }

  /** Shows a line on the terminal. */
  readonly warn = (line: string): void => this.terminal.write(`${line}\n`);

  /**
   * Returns the energy of the GPUs of all ranks in this invocation, in joules; undefined where a rank cannot measure its
   * own. All ranks must call this method.
   */
  joules(): number | undefined {
    if (this.config.hardware === "cpu") return undefined;
    const own = this.#energy?.joules();
    const [measured, joules] = this.ranks.sum([own === undefined ? 0 : 1, Math.round(own ?? 0)]);
    return measured === this.ranks.rankInfo.worldSize ? joules : undefined;
  }

  /** Returns true where any rank was asked to stop. All ranks must call this method. */
  isStopped(): boolean {
    return this.ranks.any(this.interrupt.requested);
  }

  /** Ends the command where any rank was asked to stop. All ranks must call it. @throws UserError (interrupted) */
  readonly throwIfStopped = (when: string): void => {
    if (this.isStopped()) throw interrupted(when);
  };
}
