/** Options that follow from the epochs that `--time_budget` has chosen. */

import type { Origins, RunConfig } from "./config.ts";
import { deepMindRow } from "./presets.ts";

/** Choice of a budget. */
export interface BudgetChoice {
  /** Epochs of the run. */
  epochs: number;
  /** Epochs of the warm-up. */
  warmupEpochs: number;
}

/** Returns true where the run has a budget whose epochs are not chosen yet. */
export function needsChoice({ timeBudget }: RunConfig, origins: Origins): boolean {
  return timeBudget !== null && origins.epochs !== "--time_budget";
}

/**
 * Sets the chosen epochs, in place. Learning rate and tau stay those of the recipe, except of DeepMind's presets, which
 * take those of their table's row for so many epochs, unless the user gave them.
 */
export function applyChoice(config: RunConfig, origins: Origins, choice: BudgetChoice): void {
  Object.assign(config, { epochs: choice.epochs, warmupEpochs: choice.warmupEpochs });
  origins.epochs = origins.warmupEpochs = "--time_budget";
  const row = deepMindRow(config.preset, choice.epochs);
  if (row === undefined) return;
  if (origins.learningRate.startsWith("preset ")) {
    config.learningRate = row.learningRatePer256 * config.batchSize / 256;
    origins.learningRate = "--time_budget";
  }
  if (origins.tauBase.startsWith("preset ")) {
    config.tauBase = row.tauBase;
    origins.tauBase = "--time_budget";
  }
}
