/** The time that a run with a budget has spent, over all its invocations, and its stop when late. */

import { stepSecondsOf } from "../../byol/budget.ts";
import { secondsOf } from "../../base/duration.ts";
import type { BudgetRecord } from "../../run/record.ts";
import type { Invocation } from "./invocation.ts";

/** Weight of the last row in the moving mean of the pace: a single slow row makes no run late. */
const WEIGHT_OF_LAST = 0.2;
/** The largest pace of a row that counts. */
const MOST_PACE = 5;

/**
 * The budget of a run. The first invocation counts from the start of the program. A later one counts from its first
 * step, and adds the time that its checkpoint names: neither the wait between two jobs nor work that was lost counts.
 */
export class RunBudget {
  /** Measurements and choice; undefined where config.json is lost. */
  readonly record: BudgetRecord | undefined;
  readonly #invocation: Pick<Invocation, "ranks" | "config">;
  readonly #seconds: number;
  #countedFrom: number;
  #spentBefore = 0;
  /** Time of an evaluation at the speed that was measured, in seconds. */
  #evaluationSeconds: number;
  /** Present time of a step, as a multiple of the measured time at the same size of the views; a moving mean. */
  #pace = 1;
  #isLate = false;

  /** @param parts.startedAt start of the program, on the clock of performance.now() */
  constructor(
    invocation: Pick<Invocation, "ranks" | "config">,
    { record, startedAt }: { record: BudgetRecord | undefined; startedAt: number },
  ) {
    this.#invocation = invocation;
    this.record = record;
    this.#seconds = secondsOf(invocation.config.timeBudget!);
    this.#countedFrom = startedAt;
    this.#evaluationSeconds = record?.evaluationSeconds ?? 0;
  }

  /** Continues the count of an earlier invocation. @param spentSeconds the time that the checkpoint names */
  resume(spentSeconds: number): void {
    this.#countedFrom = performance.now();
    this.#spentBefore = spentSeconds;
  }

  /** Time that the run has spent so far, in seconds. */
  get spentSeconds(): number {
    return this.#spentBefore + (performance.now() - this.#countedFrom) / 1000;
  }

  /** True once the run was stopped because it is late. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** Takes the time of the last steps, in seconds a step: an evaluation is as much slower than expected as they are. */
  stepsTook(stepSeconds: number, size: number): void {
    if (this.record === undefined) return;
    const pace = stepSeconds / stepSecondsOf(size, this.record.speeds);
    this.#pace += WEIGHT_OF_LAST * (Math.min(pace, MOST_PACE) - this.#pace);
  }

  /** Takes the time of an evaluation, in seconds, in place of the estimate. */
  evaluationTook(seconds: number): void {
    this.#evaluationSeconds = seconds / this.#pace;
  }

  /**
   * Returns true to stop after a step: the rest of the budget suffices for saving and evaluation only. Rank 0's clock
   * decides. All ranks must call this method.
   *
   * @param when.agreed true at a step at which several ranks may stop
   */
  stopsAfter(
    stepsDone: number,
    { agreed, endStep }: { agreed: boolean; endStep: number },
  ): boolean {
    if (stepsDone >= endStep) return false;
    const { ranks, config } = this.#invocation;
    const evaluation = config.evalEveryEpochs > 0 ? this.#evaluationSeconds * this.#pace : 0;
    const end = evaluation + (this.record?.saveSeconds ?? 0);
    const isOver = ranks.isRankZero && this.spentSeconds + end >= this.#seconds;
    this.#isLate = ranks.stopsAfter(isOver, { agreed });
    return this.#isLate;
  }
}
