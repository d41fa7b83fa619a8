/** `train`: builds what the loop needs, runs it, keeps the run folder. */

import { dirname, join, resolve } from "node:path";
import { PROBE_TRANSFORMS } from "./augment.ts";
import { loadAugmentSchedule } from "./augment_schedule.ts";
import { CollapseWatch } from "./bad_numbers.ts";
import { isLogged, pretrain } from "./byol.ts";
import { type CheckpointMetadata, namedCheckpoint, newestCheckpoint } from "./checkpoint.ts";
import { CheckpointWriter, saving } from "./checkpoint_writer.ts";
import type { ParsedCommandLine, RunConfig } from "./config.ts";
import { openData } from "./data.ts";
import { computersOf, goOnWith, thisComputer } from "./exactness.ts";
import { ExitCode, UserError } from "./exit_codes.ts";
import { finishedResult, markFinished, type RunResult } from "./finished.ts";
import { Interrupt, interrupted, unlessInterrupted } from "./interrupt.ts";
import { evaluate, type EvaluationOptions } from "./linear_eval.ts";
import { type EvalRow, JsonLinesSink, Metrics, truncateAfter } from "./metrics.ts";
import { Learner } from "./native/learner.ts";
import { setThreads } from "./native/library.ts";
import {
  claimRunFolder,
  createRunFolder,
  readCommit,
  removeLeftovers,
  requireSameInputs,
  type RunFolder,
  writeRunRecord,
} from "./run_folder.ts";
import { RunLock } from "./run_lock.ts";
import { projectRoot, requireSetup } from "./setup/record.ts";
import { resultTable, stderrTerminal, TerminalSink } from "./terminal.ts";
import { traceStep } from "./trace.ts";

/** How linear evaluation goes by the options. */
export function evaluationOptions(config: RunConfig): EvaluationOptions {
  return {
    seed: config.seed,
    dtype: config.dtype,
    transforms: PROBE_TRANSFORMS[config.datasetName],
    epochs: config.probeEpochs,
    batchSize: config.probeBatchSize,
    learningRate: config.probeLearningRate,
    momentum: config.probeMomentum,
    weightDecay: config.probeWeightDecay,
  };
}

/** The learner that the options describe, with weights drawn from the seed. */
export function createLearner(config: RunConfig): Learner {
  const { resnetType, hiddenDim, zDim, bnViews, larsVariant, dtype, seed } = config;
  const stem = config.datasetName === "imagenet" ? "imagenet" : "cifar";
  return Learner.create({
    resnetType,
    stem,
    hiddenDim,
    zDim,
    bnViews,
    larsVariant,
    dtype,
    seed,
  });
}

/** What a finished run prints. */
function resultText(
  config: RunConfig,
  folder: RunFolder,
  { step, evaluations }: RunResult,
): string {
  if (config.format === "json") return JSON.stringify({ runDir: folder.path, step, evaluations });
  return evaluations.length > 0
    ? resultTable(evaluations)
    : `Trained ${step} steps; the run is in ${folder.path}`;
}

/**
 * Trains, or goes on with the run in the folder.
 *
 * @param parts.openData opens the images: those that the options name, unless somebody brings others
 * @returns the exit code: 0, or 75 when a signal stopped it with everything saved
 */
export async function train(
  { config, origins }: ParsedCommandLine,
  parts: { openData: typeof openData } = { openData },
): Promise<number> {
  using interrupt = new Interrupt();
  const setup = requireSetup();
  const folder = createRunFolder(config.runDir);
  const terminal = stderrTerminal();
  const warn = (line: string): void => terminal.write(`${line}\n`);
  const finished = claimRunFolder(folder, config) === null
    ? undefined
    : finishedResult(folder, config);
  if (finished !== undefined) {
    warn(`The run in ${folder.path} is finished: nothing is left to do`);
    console.log(resultText(config, folder, finished));
    return ExitCode.ok;
  }

  setThreads(config.threads);
  interrupt.watchCalls();
  using lock = await RunLock.take(folder.path, { log: warn, signal: interrupt.signal });
  // Again: another start may have been at it until now.
  const previous = claimRunFolder(folder, config);
  const data = await parts.openData(config, { signal: interrupt.signal });
  using train = data.train;
  using test = data.test;
  const description = train.describe();
  // An unofficial test batch makes the run's accuracies incomparable as much as unofficial training images would.
  const warnings = [...description.warnings, ...test.describe().warnings];
  const verified = description.verified && test.describe().verified;
  for (const line of warnings) warn(line);
  if (config.batchSize > description.count) {
    throw new UserError(
      `Cannot train with --batch_size=${config.batchSize}: expected at most the ${description.count} training images`,
      ExitCode.usage,
    );
  }
  const stepsPerEpoch = Math.floor(description.count / config.batchSize);
  const totalSteps = config.epochs * stepsPerEpoch;
  const endStep = Math.min(totalSteps, config.maxSteps ?? totalSteps);
  const augmentation = loadAugmentSchedule(config, stepsPerEpoch);
  const inputs = { augmentation, data: description };
  if (previous !== null) requireSameInputs(folder, previous, inputs);
  if (interrupt.requested) throw interrupted("before the first step");
  removeLeftovers(folder);

  using learner = createLearner(config);
  const newest = config.resume === "auto"
    ? newestCheckpoint(folder.checkpointsDir, warn)
    : config.resume === "never"
    ? undefined
    : namedCheckpoint(config.resume, folder.checkpointsDir);
  if (newest !== undefined) {
    try {
      learner.load(newest.path);
    } catch (error) {
      throw new UserError((error as Error).message, ExitCode.checkpoint);
    }
  }
  const firstStep = newest?.metadata.step ?? 0;
  const computer = thisComputer(config.threads, setup.libtorchVersion);
  const { computers, note } = goOnWith(computersOf(newest?.metadata), computer);
  if (note !== undefined) warn(note);
  if (previous === null) {
    writeRunRecord(folder, {
      config,
      origins,
      augmentation,
      versions: {
        byol: "0.1.0",
        deno: Deno.version.deno,
        libtorch: setup.libtorchVersion,
        core: setup.hash,
      },
      commit: readCommit(projectRoot),
      data: { digest: description.digest, verified },
      machine: computer.processor,
      startedAt: new Date().toISOString(),
    });
  }
  const kept = truncateAfter(folder.metricsFile, firstStep, {
    isLogged: (stepsDone) => isLogged(stepsDone, { ...config, stepsPerEpoch }),
  });
  const evaluations = kept.filter((row): row is EvalRow => row.kind === "eval");
  const show = new TerminalSink(terminal, { firstStep, endStep, epochs: config.epochs });
  const rows = new JsonLinesSink(folder.metricsFile, { onError: config.onSaveError, warn });
  using metrics = new Metrics([rows, show]);
  metrics.write({
    kind: "run",
    step: firstStep,
    time: new Date().toISOString(),
    threads: config.threads,
    verified,
    warnings,
  });

  const metadataAt = (step: number): CheckpointMetadata => ({
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    config: { ...config },
    computers,
  });
  const isSaved = newest !== undefined &&
    resolve(dirname(newest.path)) === resolve(folder.checkpointsDir);
  await using writer = new CheckpointWriter({
    folder: folder.checkpointsDir,
    learner,
    metadataAt,
    // The lock: without it, a save under way comes to nothing.
    syncFirst: [folder.metricsFile, lock.file],
    savedStep: isSaved ? firstStep : undefined,
    warn,
  }, { ...config, keepEverySteps: config.saveEveryEpochs * stepsPerEpoch });
  const evaluateAt = async (step: number): Promise<void> => {
    if (evaluations.some((row) => row.step === step)) return;
    using progress = show.progressOf({ label: "evaluating", total: 100 });
    const evaluation = evaluate({ learner, train, test }, evaluationOptions(config), (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    });
    const found = await unlessInterrupted(evaluation);
    if (found === undefined) return;
    lock.check();
    const row: EvalRow = { kind: "eval", step, epoch: step / stepsPerEpoch, ...found };
    evaluations.push(row);
    metrics.write(row);
  };

  const probes = config.evalEveryEpochs > 0;
  /** Due between steps: of an unbroken run before the first one, and every so many epochs but at its very end. */
  const isEvaluationDue = (step: number): boolean =>
    probes && step < totalSteps && step % (config.evalEveryEpochs * stepsPerEpoch) === 0 &&
    (step > 0 || config.maxSteps === null);
  const collapse = new CollapseWatch(config);
  // What the start before was killed or interrupted in, too.
  if (isEvaluationDue(firstStep)) await evaluateAt(firstStep);
  const done = interrupt.requested ? firstStep : await pretrain({ learner, dataset: train }, {
    ...config,
    stepsPerEpoch,
    augmentation,
    firstStep,
    endStep,
  }, {
    interrupted: () => interrupt.requested,
    logged: (row) => {
      lock.check();
      metrics.write(row);
      const collapsed = collapse.see(row);
      if (collapsed === undefined) return;
      if (config.stopOnCollapse) throw new UserError(collapsed, ExitCode.numbers);
      warn(collapsed);
    },
    trace: (step, schedule) =>
      step - firstStep < config.traceSteps
        ? traceStep({ learner, dataset: train }, config, { step, ...schedule })
        : undefined,
    stepDone: async (steps, epoch) => {
      show.tick(steps);
      lock.check();
      writer.stepDone(steps);
      if (epoch !== undefined && isEvaluationDue(steps)) await evaluateAt(steps);
    },
  });
  lock.check(0);
  await writer.finish(done);
  metrics.flush();
  if (interrupt.requested) {
    warn(`Interrupted at step ${done}, all saved: start the same command again to go on`);
    return ExitCode.interrupted;
  }
  if (probes && (done === totalSteps || config.evalAtEnd)) await evaluateAt(done);
  if (interrupt.requested) throw interrupted("in the last evaluation, with the training saved");
  lock.check(0);
  const last = evaluations.at(-1);
  metrics.flush();
  const encoder = join(folder.path, "encoder.safetensors");
  saving(encoder, () =>
    learner.saveEncoder(encoder, {
      ...metadataAt(done),
      resnetType: config.resnetType,
      stem: config.datasetName === "imagenet" ? "imagenet" : "cifar",
      accuracy: last === undefined ? null : { ...last },
    }));
  const result = { step: done, totalSteps, evaluations };
  markFinished(folder, result);
  console.log(resultText(config, folder, result));
  return ExitCode.ok;
}
