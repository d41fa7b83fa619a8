/** The budget of a run (`--time_budget`): the choice of its epochs, the time that it has spent, and its stop when late. */

import {
  type BudgetCosts,
  type BudgetLength,
  longestWithin,
  meanStepSeconds,
  measuredSizes,
  type ViewSize,
  viewSizes,
  warmupWithin,
} from "../../byol/budget.ts";
import { evaluationSeconds, evaluationWork } from "../../byol/cost.ts";
import { secondsOf } from "../../base/duration.ts";
import { UserError } from "../../base/exit_codes.ts";
import { applyChoice, type BudgetChoice, needsChoice } from "../../options/budget.ts";
import type { RunConfig } from "../../options/config.ts";
import { recordedOptions } from "../../options/stored.ts";
import { type AugmentSchedule, loadAugmentSchedule } from "../../recipes/view_schedule.ts";
import { listCheckpoints, newestCheckpoint } from "../../run/checkpoint.ts";
import { type BudgetRecord, readRunRecord } from "../../run/record.ts";
import { requireBatch, type TrainingInputs } from "./inputs.ts";
import type { Invocation } from "./invocation.ts";
import { type Measured, measureSpeed } from "./measure.ts";
import { RunBudget } from "./run_budget.ts";
import { budgetText } from "./story.ts";

/** Share of a budget that the measured steps may take, and the most seconds. */
const MEASURED_SHARE = 0.03;
const MOST_MEASURED_SECONDS = 60;

/**
 * Takes over the epochs that an earlier invocation of the run has chosen, if there is one. All ranks must call this
 * function.
 *
 * @throws UserError (run folder, checkpoint) where config.json, or without it the newest checkpoint, cannot be read
 */
export async function keepChosen(
  { ranks, config, origins, folder, warn }: Invocation,
): Promise<void> {
  if (!needsChoice(config, origins) || config.resume === "never") return;
  const choice = await ranks.broadcast((): BudgetChoice | null => {
    const before = readRunRecord(folder)?.config ?? newestOptions(folder.checkpointsDir, warn);
    if (before?.timeBudget !== config.timeBudget) return null;
    const { epochs, warmupEpochs } = before;
    return { epochs, warmupEpochs };
  });
  if (choice !== null) applyChoice(config, origins, choice);
}

/** Returns the options of the newest checkpoint; undefined where there is none. */
export function newestOptions(
  checkpointsDir: string,
  warn: (line: string) => void,
): RunConfig | undefined {
  if (listCheckpoints(checkpointsDir).length === 0) return undefined;
  const newest = newestCheckpoint(checkpointsDir, warn);
  return newest && recordedOptions(newest.metadata.config).config;
}

/**
 * Opens the budget of a run; of a new run, measures the speed first and chooses the epochs. All ranks must call this
 * function.
 *
 * @param parts.record what an earlier invocation has measured
 * @param parts.startedAt start of the program, on the clock of performance.now()
 * @returns undefined for a run without --time_budget
 * @throws UserError (usage) where the budget is too short for an epoch
 */
export async function openBudget(
  invocation: Invocation,
  { inputs, record, startedAt }: {
    inputs: TrainingInputs;
    record: BudgetRecord | undefined;
    startedAt: number;
  },
): Promise<RunBudget | undefined> {
  const { config, origins, ranks, warn } = invocation;
  if (config.timeBudget === null) return undefined;
  if (!needsChoice(config, origins)) return new RunBudget(invocation, { record, startedAt });
  warn(`Measuring the speed for --time_budget=${config.timeBudget}`);
  const views = new ViewsOverRun(invocation, inputs);
  const measured = await measureSpeed({ invocation, inputs }, {
    sizes: measuredSizes(views.sizesAt(config.epochs)),
    seconds: Math.min(MOST_MEASURED_SECONDS, MEASURED_SHARE * secondsOf(config.timeBudget)),
    stepsPerEpoch: views.stepsPerEpoch,
  });
  const { length, costs } = await ranks.broadcast(() =>
    choose(invocation, { inputs, measured, views, startedAt })
  );
  const warmupEpochs = warmupWithin(config.warmupEpochs, length.epochs);
  applyChoice(config, origins, { epochs: length.epochs, warmupEpochs });
  views.requireSchedule();
  const { speeds, steps } = measured;
  const chosen: BudgetRecord = { ...length, warmupEpochs, ...costs, speeds, measuredSteps: steps };
  warn(budgetText(config, chosen));
  return new RunBudget(invocation, { record: chosen, startedAt });
}

/** Chooses the length of a run by its measured speed. */
function choose(
  { config }: Invocation,
  { inputs, measured, views, startedAt }: {
    inputs: TrainingInputs;
    measured: Measured;
    views: ViewsOverRun;
    startedAt: number;
  },
): { length: BudgetLength; costs: Omit<BudgetCosts, "stepSecondsAt"> } {
  const { speeds, learnerSeconds, saveSeconds } = measured;
  const { train, test } = inputs.described;
  const tested = (test?.count ?? 0) + (train.heldOut ?? 0);
  const largest = speeds.at(-1)!.stepSeconds;
  const costs = {
    // The networks of the run itself are still to be made.
    startSeconds: (performance.now() - startedAt) / 1000 + learnerSeconds,
    evaluationSeconds: tested === 0 ? 0 : evaluationSeconds(
      evaluationWork({ train: train.count, test: tested }, config),
      {
        imagesPerSecond: config.batchSize / largest,
        rotationWeight: config.rotationWeight,
      },
    ),
    saveSeconds,
  };
  const text = config.timeBudget!;
  const length = longestWithin({ text, seconds: secondsOf(text) }, {
    images: train.count,
    options: config,
    costs: {
      ...costs,
      stepSecondsAt: (epochs) => meanStepSeconds(views.sizesAt(epochs), speeds),
    },
  });
  return { length, costs };
}

/** The sizes of the views over runs of any number of epochs. */
class ViewsOverRun {
  readonly stepsPerEpoch: number;
  readonly #config: Invocation["config"];
  /** The schedule of the recipe's own epochs. */
  readonly #schedule: AugmentSchedule;
  readonly #epochs: number;

  constructor({ config }: Invocation, { described: { train } }: TrainingInputs) {
    requireBatch(train.count, config.batchSize);
    this.#config = config;
    this.stepsPerEpoch = Math.floor(train.count / config.batchSize);
    this.#epochs = config.epochs;
    this.#schedule = loadAugmentSchedule(config, this.stepsPerEpoch);
  }

  /** Returns the sizes in a run of so many epochs; where its schedule does not end in them, those of the recipe's. */
  sizesAt(epochs: number): ViewSize[] {
    const moves = this.#schedule.view1.moving.some(({ field }) => field === "cropSize");
    if (moves && epochs !== this.#epochs) {
      try {
        const schedule = loadAugmentSchedule({ ...this.#config, epochs }, this.stepsPerEpoch);
        return viewSizes(schedule, epochs * this.stepsPerEpoch);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
    return viewSizes(this.#schedule, this.#epochs * this.stepsPerEpoch);
  }

  /** Refuses a schedule that does not end within the chosen epochs. @throws UserError (usage) */
  requireSchedule(): void {
    try {
      loadAugmentSchedule(this.#config, this.stepsPerEpoch);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(
        `${error.message}, which --time_budget=${this.#config.timeBudget} chose; positions as shares of the run, ` +
          'such as "60%", fit any budget',
        error.exitCode,
      );
    }
  }
}
