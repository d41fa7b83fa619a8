/** Measurement of a run's speed, on steps of a learner of its own that is thrown away: nothing of them remains. */

import { join } from "node:path";
import { removeIfThere } from "../../base/files.ts";
import type { SizeSpeed, ViewSize } from "../../byol/budget.ts";
import { addOnlineProbe } from "../../byol/online_probe.ts";
import { isLogged } from "../../byol/plan.ts";
import { pretrain } from "../../byol/pretrain.ts";
import { createLearner } from "../../encoder/learner.ts";
import type { Learner, ProbeRates } from "../../native/learner.ts";
import { constantSchedule } from "../../recipes/view_schedule.ts";
import { saving } from "../../run/checkpoint_writer.ts";
import type { TrainingInputs } from "./inputs.ts";
import type { Invocation } from "./invocation.ts";

/** Steps before the measured ones on a processor. */
const WARM_UP_STEPS = 2;
/** The same where steps are recorded as a CUDA graph, which happens at the fourth step of each size. */
const WARM_UP_STEPS_GPU = 6;
/** Largest number of measured steps of a size. */
const MOST_STEPS = 200;

/** Measured times of a run, which are rank 0's on every rank. */
export interface Measured {
  /** The time of a step at each size. */
  speeds: SizeSpeed[];
  /** Number of measured steps. */
  steps: number;
  /** Seconds of the creation of the networks. */
  learnerSeconds: number;
  /** Seconds of one save. */
  saveSeconds: number;
}

/** Extent of the measurement. */
interface Plan {
  /** The sizes of the views, each with recipes. */
  sizes: readonly ViewSize[];
  /** Seconds of the measured steps of all sizes, as far as two steps of each size need no more. */
  seconds: number;
  stepsPerEpoch: number;
}

/**
 * Measures the time of a step at each size, and of a save to the run folder.
 *
 * @throws UserError (numbers) where the first steps are not finite; (save) where the run folder takes no save
 */
export async function measureSpeed(
  { invocation, inputs }: { invocation: Invocation; inputs: TrainingInputs },
  plan: Plan,
): Promise<Measured> {
  const { ranks, config, device } = invocation;
  const begun = performance.now();
  using learner = createLearner(config, { device });
  const probeRates = addOnlineProbe(learner, config, {
    classes: inputs.described.train.classes,
    warn: () => {},
  });
  ranks.join(learner, config);
  const learnerSeconds = secondsSince(begun);
  const parts = { invocation, inputs, learner, probeRates };
  const speeds: SizeSpeed[] = [];
  let steps = 0;
  for (const { size, recipes } of plan.sizes) {
    const found = await measureSize(parts, {
      recipes,
      seconds: plan.seconds / plan.sizes.length,
      stepsPerEpoch: plan.stepsPerEpoch,
    });
    speeds.push({ size, stepSeconds: found.stepSeconds });
    steps += found.steps;
  }
  return await ranks.broadcast(() => ({
    speeds,
    steps,
    learnerSeconds,
    saveSeconds: measureSave(learner, invocation),
  }));
}

/** Parts of the measurement. */
interface Parts {
  invocation: Invocation;
  inputs: TrainingInputs;
  learner: Learner;
  probeRates: Readonly<ProbeRates> | undefined;
}

/** Measures the time of a step with views of one size: two steps or more, as many as rank 0 has time for. */
async function measureSize(
  parts: Parts,
  { recipes, seconds, stepsPerEpoch }: {
    recipes: ViewSize["recipes"];
    seconds: number;
    stepsPerEpoch: number;
  },
): Promise<{ stepSeconds: number; steps: number }> {
  const { config, device, ranks } = parts.invocation;
  const augmentation = constantSchedule(recipes);
  const warmUp = device === "cpu" || !config.cudaGraph ? WARM_UP_STEPS : WARM_UP_STEPS_GPU;
  const span = { stepsPerEpoch, augmentation };
  const first = await timedSteps(parts, {
    ...span,
    ...{ firstStep: 0, endStep: warmUp, logEverySteps: 1 },
  });
  // All ranks make the same number of steps.
  const steps = await ranks.broadcast(() =>
    Math.min(MOST_STEPS, Math.max(2, Math.floor(seconds / first.lastSeconds)))
  );
  const { steps: counted, seconds: taken } = await timedSteps(parts, {
    ...span,
    firstStep: warmUp,
    endStep: warmUp + steps + 1,
    // Logged steps wait for the device; the time between two of them is the time of the steps between.
    logEverySteps: Math.min(config.logEverySteps, Math.floor(steps / 2)),
  });
  return { stepSeconds: taken / counted, steps: counted };
}

/** Makes steps, and returns the time between the first and the last that were logged, and before the last alone. */
async function timedSteps(
  { invocation: { config, ranks, interrupt, throwIfStopped }, inputs, learner, probeRates }: Parts,
  span: {
    stepsPerEpoch: number;
    augmentation: ReturnType<typeof constantSchedule>;
    firstStep: number;
    endStep: number;
    logEverySteps: number;
  },
): Promise<{ steps: number; seconds: number; lastSeconds: number }> {
  const logged: { step: number; at: number }[] = [];
  // The schedules must reach as far as these steps do; the warm-up is that of the run.
  const epochs = Math.max(config.epochs, Math.ceil(span.endStep / span.stepsPerEpoch));
  const dataset = inputs.train;
  await pretrain({ learner, dataset }, { ...config, ...span, epochs, probeRates }, {
    logged: ({ step }) => logged.push({ step, at: performance.now() }),
    interrupted: (stepsDone) =>
      ranks.stopsAfter(interrupt.requested, { agreed: isLogged(stepsDone, span) }),
  });
  throwIfStopped("before the first step");
  const [one, before, last] = [logged[0]!, logged.at(-2)!, logged.at(-1)!];
  return {
    steps: last.step - one.step,
    seconds: (last.at - one.at) / 1000,
    lastSeconds: (last.at - before.at) / 1000 / (last.step - before.step),
  };
}

/** Measures a save to the run's own disk. The file, named as the leftover of a save, is removed. */
function measureSave(learner: Learner, { folder }: Invocation): number {
  const path = join(folder.checkpointsDir, `step-000000000.safetensors.${Deno.pid}.part`);
  const begun = performance.now();
  try {
    saving(path, () => learner.save(path, {}));
    return secondsSince(begun);
  } finally {
    removeIfThere(path);
  }
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
