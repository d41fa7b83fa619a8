/** The parts of a training that do not change from its first step to its last. */

import type { TrainingPlan } from "../../byol/plan.ts";
import type { Learner, ProbeRates } from "../../native/learner.ts";
import type { AugmentSchedule } from "../../recipes/view_schedule.ts";
import type { TrainingInputs } from "./inputs.ts";
import type { Invocation } from "./invocation.ts";
import type { OpenRun } from "./open_run.ts";
import type { RunBudget } from "./run_budget.ts";

/** Parts of a training that all modules of `train` use. */
export interface Training {
  /** Options, ranks, signals and terminal. */
  invocation: Invocation;
  /** The run folder. */
  run: OpenRun;
  /** The images. */
  inputs: TrainingInputs;
  /** The plan of the steps. */
  plan: TrainingPlan;
  /** The budget of the run; undefined without --time_budget. */
  budget: RunBudget | undefined;
  /** The views' recipes over time. */
  augmentation: AugmentSchedule;
  /** The networks, their optimizer and their online probe. */
  learner: Learner;
  /** Rates of the online probe; undefined without one. */
  probeRates: Readonly<ProbeRates> | undefined;
}
