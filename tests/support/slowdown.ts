/** Slowdown of a busy machine: the time that work takes beside other programs, against that on an idle machine. */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const BURST_MILLISECONDS = 20;
const REST_MILLISECONDS = 100;

/**
 * Measures, until disposed, the time that short bursts of work take by the clock against the time of a processor that
 * they need. Its process must do nothing else meanwhile.
 */
export class Slowdown implements AsyncDisposable {
  #wall = 0;
  #cpu = 0;
  #isOver = false;
  readonly #measured: Promise<void> = this.#measure();

  /** Ratio of both times so far; 1 on an idle machine. */
  get factor(): number {
    return this.#cpu === 0 ? 1 : Math.max(1, this.#wall / this.#cpu);
  }

  async #measure(): Promise<void> {
    while (!this.#isOver) {
      const [begun, before] = [performance.now(), cpuMilliseconds()];
      while (cpuMilliseconds() - before < BURST_MILLISECONDS);
      this.#wall += performance.now() - begun;
      this.#cpu += cpuMilliseconds() - before;
      await sleep(REST_MILLISECONDS);
    }
  }

  /** Ends the measurement. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#measured;
  }
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
