/** `train`: begins a run, or resumes the run in the run folder. */

import { ExitCode } from "../../base/exit_codes.ts";
import { addOnlineProbe } from "../../byol/online_probe.ts";
import { isEvaluated, planTraining } from "../../byol/plan.ts";
import { pretrain } from "../../byol/pretrain.ts";
import { openData } from "../../data/open.ts";
import { requireOutsideImages } from "../../data/outside_images.ts";
import { sampledGrays } from "../../data/photo_survey.ts";
import { Ranks } from "../../distributed/ranks.ts";
import { createLearner } from "../../encoder/learner.ts";
import { coreInfo, setThreads } from "../../native/core.ts";
import type { RunConfig } from "../../options/config.ts";
import type { ParsedCommandLine } from "../../options/parse.ts";
import { loadAugmentSchedule } from "../../recipes/view_schedule.ts";
import { PreparedFolder } from "../../run/folder.ts";
import { deviceOf, openDevice } from "../../runtime/device.ts";
import { Interrupt } from "../../runtime/interrupt.ts";
import { type RankInfo, SINGLE_PROCESS } from "../../runtime/rank.ts";
import { requireSetup } from "../../setup/record.ts";
import { keepChosen, openBudget } from "./budget.ts";
import { Evaluations } from "./evaluations.ts";
import { finish } from "./finish.ts";
import { pretrainHooks } from "./hooks.ts";
import { TrainingInputs } from "./inputs.ts";
import { Invocation } from "./invocation.ts";
import { keepMeasured, measureImages } from "./normalisation.ts";
import { isFinished, keepOlderPreset, OpenRun } from "./open_run.ts";
import { openOutput } from "./output.ts";
import { withMemoryAdvice } from "../memory_advice.ts";
import { withReplayAdvice } from "./replay_advice.ts";
import { restore } from "./restore.ts";
import { openingLines } from "./story.ts";

/**
 * Begins a run, or resumes the run in the run folder.
 *
 * @param parts.openData opens the images; by default those that the options name
 * @param parts.rankInfo rank of this process; by default a single process
 * @param parts.startedAt start of the program, which --time_budget counts from, on the clock of performance.now(); by
 * default the start of this call
 * @returns the exit code: 0, or 75 where a signal stopped the run after everything was saved
 */
export async function train(
  parsed: ParsedCommandLine,
  parts: {
    openData: typeof openData;
    rankInfo?: Readonly<RankInfo>;
    startedAt?: number;
  } = { openData },
): Promise<ExitCode> {
  const { startedAt = performance.now() } = parts;
  using interrupt = new Interrupt();
  const { hash } = requireSetup();
  const { rankInfo = SINGLE_PROCESS } = parts;
  const device = deviceOf(parsed.config, rankInfo);
  openDevice(parsed.config, device);
  setThreads(parsed.config.threads, device);
  return await Ranks.run(
    rankInfo,
    { config: parsed.config, core: hash, interrupted: () => interrupt.requested },
    async (ranks) => {
      const invocation = new Invocation(parsed, { ranks, interrupt, startedAt });
      try {
        return await trainWith(invocation, { open: parts.openData, startedAt });
      } catch (error) {
        throw withReplayAdvice(withMemoryAdvice(error, invocation.config), invocation);
      }
    },
  );
}

async function trainWith(
  invocation: Invocation,
  { open, startedAt }: { open: typeof openData; startedAt: number },
): Promise<ExitCode> {
  const { config, ranks, folder, warn, interrupt } = invocation;
  using prepared = ranks.rankZeroOnly(() => {
    requireOutputOutsideImages(config);
    return new PreparedFolder(folder.path);
  });
  await keepOlderPreset(invocation);
  await keepChosen(invocation);
  await keepMeasured(invocation);
  if (await isFinished(invocation)) return ExitCode.ok;
  interrupt.watchCalls();
  using run = await OpenRun.take(invocation, prepared);
  await measureImages(invocation);
  using inputs = await TrainingInputs.open(invocation, {
    open,
    compare: (images) => run.requireSameInputs(images),
  });
  // The finished run may have had another data folder: the images are compared by now.
  if (await isFinished(invocation, { dataIsSame: true })) return ExitCode.ok;
  const { described: { train: description }, train } = inputs;
  const budget = await openBudget(invocation, {
    inputs,
    record: run.previous?.budget,
    startedAt,
  });
  const plan = planTraining(description.count, config);
  const augmentation = loadAugmentSchedule(config, plan.stepsPerEpoch);
  invocation.throwIfStopped("before the first step");

  using learner = createLearner(config, { device: invocation.device });
  const probeRates = addOnlineProbe(learner, config, { ...description, warn });
  const training = { invocation, run, inputs, plan, budget, augmentation, learner, probeRates };
  const restored = await restore(training);
  const kept = await run.begin(training, restored);
  await using output = await openOutput(training, { restored, kept });
  const evaluations = new Evaluations(training, { output, earlier: kept.evaluations });

  const { firstStep } = restored;
  if (restored.savedStep !== undefined) budget?.resume(restored.spentSeconds);
  const { bf16 } = coreInfo();
  const grays = ranks.rankZeroOnly(() => sampledGrays(config));
  const start = { firstStep, bf16, augmentation, grays };
  for (const line of openingLines(invocation, plan, start)) output.note(line);
  const { stepsPerEpoch, endStep } = plan;
  if (isEvaluated(firstStep, plan)) await evaluations.evaluateAt(firstStep);
  const isOver = budget?.stopsAfter(firstStep, { agreed: true, endStep }) === true;
  const stepsDone = invocation.isStopped() || isOver ? firstStep : await pretrain(
    { learner, dataset: train },
    { ...config, stepsPerEpoch, augmentation, firstStep, endStep, probeRates },
    pretrainHooks(training, { firstStep, output, evaluations }),
  );
  return await finish(training, { stepsDone, output, evaluations });
}

/** Refuses a run folder, or a folder of traces, that would become part of the images. @throws UserError (usage) */
function requireOutputOutsideImages(config: RunConfig): void {
  requireOutsideImages(config.runDir, `--run_dir=${config.runDir}`, config);
  if (config.traceSteps === 0) return;
  requireOutsideImages(config.traceDir, `--trace_dir=${config.traceDir}`, config);
}
