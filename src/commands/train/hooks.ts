/** Hooks of the training loop: logging, traces, evaluations, checkpoints, stop. */

import { CollapseWatch, NumbersError } from "../../byol/divergence.ts";
import { isEvaluated, isLogged } from "../../byol/plan.ts";
import type { PretrainHooks } from "../../byol/pretrain.ts";
import { FewGraysWatch } from "../../data/few_grays.ts";
import { StepTrace } from "../../run/trace.ts";
import { recipesAt } from "../../recipes/schedules.ts";
import type { Evaluations } from "./evaluations.ts";
import type { RunOutput } from "./output.ts";
import type { Training } from "./training.ts";

/** Returns the hooks of a training. */
export function pretrainHooks(
  { invocation, inputs, plan, budget, augmentation, learner }: Training,
  { firstStep, output, evaluations }: {
    firstStep: number;
    output: RunOutput;
    evaluations: Evaluations;
  },
): PretrainHooks {
  const { config, ranks, interrupt, warn } = invocation;
  const collapse = new CollapseWatch(config);
  const grays = new FewGraysWatch([inputs.train, inputs.test], warn);
  return {
    warned: warn,
    // Logged steps include the ends of epochs: a resumed run repeats an evaluation that a signal stopped there.
    interrupted: (stepsDone) => {
      const agreed = isLogged(stepsDone, plan);
      const isStopped = ranks.stopsAfter(interrupt.requested, { agreed });
      const { endStep } = plan;
      return budget?.stopsAfter(stepsDone, { agreed, endStep }) || isStopped;
    },
    logged: (row) => {
      output.used(invocation.joules());
      output.write(row);
      const { view1 } = recipesAt(augmentation, row.step);
      budget?.stepsTook(config.batchSize / row.images_per_second, view1.cropSize);
      inputs.badFiles.update();
      grays.update();
      const collapsed = collapse.see(row);
      if (collapsed === undefined) return;
      if (config.stopOnCollapse) throw new NumbersError(collapsed, row.step);
      warn(collapsed);
    },
    trace: (step, rates) => {
      if (step - firstStep >= config.traceSteps) return undefined;
      const { rank } = ranks.rankInfo;
      const parts = { learner, dataset: inputs.train };
      const trace = new StepTrace(parts, config, { step, rank, ...rates });
      return () => trace.write();
    },
    stepDone: async (stepsDone) => {
      output.stepDone(stepsDone);
      if (isEvaluated(stepsDone, plan)) await evaluations.evaluateAt(stepsDone);
    },
  };
}
