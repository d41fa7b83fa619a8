/** `train`: builds what the loop needs, runs it, keeps the run folder. */

import { dirname, join, resolve } from "node:path";
import { loadAugmentSchedule } from "../../recipes/view_schedule.ts";
import { BadFileRecord } from "../../data/bad_files.ts";
import { CollapseWatch } from "../../byol/divergence.ts";
import { isLogged, pretrain } from "../../byol/pretrain.ts";
import { type CheckpointMetadata, checkpointToGoOnFrom } from "../../run/checkpoint.ts";
import { CheckpointWriter, saving } from "../../run/checkpoint_writer.ts";
import type { ParsedCommandLine } from "../../options/parse.ts";
import type { RunConfig } from "../../options/config.ts";
import { optionsByName, recordedOptions } from "../../options/stored.ts";
import { openData } from "../../data/open.ts";
import { gpuName, openDevice } from "../../runtime/device.ts";
import { fingerprintHere, fingerprintsOf, resumedFingerprints } from "../../runtime/fingerprint.ts";
import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { finishedResult, markFinished, type RunResult, unmarkFinished } from "../../run/result.ts";
import { Interrupt, interrupted } from "../../runtime/interrupt.ts";
import { evaluate } from "../../evaluate/linear.ts";
import {
  type EvalRow,
  JsonLinesSink,
  Metrics,
  type MetricsRow,
  truncateAfter,
} from "../../run/metrics.ts";
import { coreInfo, setThreads } from "../../native/core.ts";
import { addOnlineProbe } from "../../byol/online_probe.ts";
import {
  claimRunFolder,
  createRunFolder,
  differencesOf,
  type InitialWeights,
  removeLeftovers,
  requireSameInputs,
  requireSameStart,
  type RunFolder,
  runFolderAt,
  writeRunRecord,
} from "../../run/folder.ts";
import { readCommit } from "../../base/git_commit.ts";
import { type RankInfo, SINGLE_PROCESS } from "../../runtime/rank.ts";
import { RunLock } from "../../run/lock.ts";
import { stemOf } from "../../recipes/stem.ts";
import { projectRoot, requireSetup } from "../../setup/record.ts";
import { Ranks } from "../../distributed/ranks.ts";
import { openTensorBoard } from "../../run/tensorboard/open.ts";
import { NULL_TERMINAL, stderrTerminal } from "../../base/terminal.ts";
import { resultTable } from "../../run/result_table.ts";
import { TerminalSink } from "../../run/terminal_sink.ts";
import { traceStep } from "../../run/trace.ts";
import { keepSheet } from "../view_sheet.ts";
import { createLearner } from "../../encoder/learner.ts";
import { evaluationOptions } from "../../evaluate/options.ts";
import { initialise } from "../../encoder/weights_file.ts";

/** What a finished run prints. */
function resultText(
  config: RunConfig,
  folder: RunFolder,
  { step, evaluations }: RunResult,
): string {
  if (config.format === "json") return JSON.stringify({ run_dir: folder.path, step, evaluations });
  return evaluations.length > 0
    ? resultTable(evaluations)
    : `Trained ${step} steps; the run is in ${folder.path}`;
}

/**
 * Trains, or goes on with the run in the folder.
 *
 * @param parts.openData opens the images: those that the options name, unless somebody brings others
 * @param parts.place this process's place among the ranks; none: it is alone
 * @returns the exit code: 0, or 75 when a signal stopped it with everything saved
 */
export async function train(
  parsed: ParsedCommandLine,
  parts: { openData: typeof openData; rankInfo?: Readonly<RankInfo> } = { openData },
): Promise<number> {
  using interrupt = new Interrupt();
  const { hash } = requireSetup();
  openDevice(parsed.config);
  setThreads(parsed.config.threads);
  const options = { config: parsed.config, core: hash, interrupted: () => interrupt.requested };
  return await Ranks.run(
    parts.rankInfo ?? SINGLE_PROCESS,
    options,
    (ranks) => trainWith(ranks, parsed, { ...parts, interrupt }),
  );
}

async function trainWith(
  ranks: Ranks,
  { config, origins }: ParsedCommandLine,
  parts: { openData: typeof openData; interrupt: Interrupt },
): Promise<number> {
  const { interrupt } = parts;
  const setup = requireSetup();
  const terminal = ranks.isRankZero ? stderrTerminal() : NULL_TERMINAL;
  const warn = (line: string): void => terminal.write(`${line}\n`);
  const folder = runFolderAt(config.runDir);
  const isFinished = await ranks.broadcast(() => {
    createRunFolder(config.runDir);
    const begun = claimRunFolder(folder, config);
    const finished = begun === null
      ? undefined
      : finishedResult(folder, config, begun.config.resume);
    if (finished === undefined) return false;
    warn(`The run in ${folder.path} is finished: nothing is left to do`);
    console.log(resultText(config, folder, finished));
    return true;
  });
  if (isFinished) return ExitCode.ok;

  interrupt.watchCalls();
  using held = new DisposableStack();
  let lock: RunLock | undefined;
  const previous = await ranks.broadcast(async () => {
    lock = held.use(
      await RunLock.take(folder.path, { log: warn, signal: interrupt.signal }),
    );
    // Again: another start may have been at it until now.
    return claimRunFolder(folder, config);
  });
  const data = await ranks.rankZeroFirst(() =>
    parts.openData(config, { signal: interrupt.signal })
  );
  using train = data.train;
  using test = data.test;
  const description = train.describe();
  // An unofficial test batch makes the run's accuracies incomparable as much as unofficial training images would.
  const testDescription = test?.describe();
  const warnings = [
    ...new Set([...description.warnings, ...testDescription?.warnings ?? []]),
  ];
  const verified = description.verified && (testDescription?.verified ?? true);
  for (const line of warnings) warn(line);
  using badFiles = ranks.isRankZero
    ? new BadFileRecord(join(folder.path, "bad_files.json"), { train, test }, warn)
    : undefined;
  if (config.batchSize > description.count) {
    throw new UserError(
      `Cannot train with --batch_size=${config.batchSize}: expected at most the ${description.count} training images`,
      ExitCode.usage,
    );
  }
  // Before the ranks divide the images: the sheet is of whole batches.
  if (ranks.isRankZero) keepSheet(folder, { train, config, warn });
  ranks.shard(train, config.accumulateSteps);
  await ranks.requireSame("images", description.digest);
  const stepsPerEpoch = Math.floor(description.count / config.batchSize);
  const totalSteps = config.epochs * stepsPerEpoch;
  const endStep = Math.min(totalSteps, config.maxSteps ?? totalSteps);
  const augmentation = loadAugmentSchedule(config, stepsPerEpoch);
  const inputs = { augmentation, data: description };
  if (previous !== null) requireSameInputs(folder, previous, inputs);
  if (ranks.any(interrupt.requested)) throw interrupted("before the first step");

  using learner = createLearner(config);
  const probeRates = addOnlineProbe(learner, config, { ...description, warn });
  let initial: InitialWeights | null = null;
  const newest = await ranks.broadcast(() => {
    removeLeftovers(folder);
    unmarkFinished(folder);
    const newest = checkpointToGoOnFrom(config.resume, {
      folder: folder.checkpointsDir,
      begunWith: previous?.config.resume,
      warn,
    });
    if (newest === undefined) {
      if (config.initFrom !== null) initial = initialise(learner, config.initFrom, warn);
      if (previous !== null) requireSameStart(folder, previous, initial);
      return null;
    }
    try {
      learner.load(newest.path);
    } catch (error) {
      throw new UserError((error as Error).message, ExitCode.checkpoint);
    }
    return newest;
  });
  ranks.join(learner, config);
  const firstStep = newest?.metadata.step ?? 0;
  if (firstStep > endStep) {
    throw new UserError(
      `Cannot end at step ${endStep}: ${newest?.path} is of step ${firstStep}, expected more steps ` +
        "(--max_steps, --nb_epochs), or another --run_dir to begin anew",
      ExitCode.usage,
    );
  }
  const isSaved = newest !== null &&
    resolve(dirname(newest.path)) === resolve(folder.checkpointsDir);
  if (newest !== null && !isSaved && ranks.isRankZero) {
    const differences = differencesOf(recordedOptions(newest.metadata.config).config, config);
    if (differences.length > 0) {
      warn(
        `${newest.path} was trained with other options, and goes on with those given here: ${
          differences.join("; ")
        }`,
      );
    }
  }
  if (
    probeRates !== undefined && newest !== null &&
    !recordedOptions(newest.metadata.config).config.onlineProbe
  ) {
    warn(`${newest.path} holds no online probe: it starts afresh at step ${firstStep}`);
  }
  const gpu = gpuName(config);
  const computer = fingerprintHere(config.threads, setup.libtorchVersion, {
    ranks: config.ranks,
    parts: config.accumulateSteps,
    ...gpu !== undefined && { gpu },
  });
  const { computers, note } = resumedFingerprints(fingerprintsOf(newest?.metadata), computer);
  if (note !== undefined) warn(note);
  if (previous === null && ranks.isRankZero) {
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
      initialWeights: initial,
      machine: computer.processor,
      startedAt: new Date().toISOString(),
    });
  }
  let kept: MetricsRow[] = [];
  const evaluations = await ranks.broadcast(() => {
    kept = truncateAfter(folder.metricsFile, firstStep, {
      isLogged: (stepsDone) => isLogged(stepsDone, { ...config, stepsPerEpoch }),
    });
    return kept.filter((row): row is EvalRow => row.kind === "eval");
  });
  const tensorboard = ranks.isRankZero && config.tensorboard
    ? await openTensorBoard(folder, { config, origins, firstStep, kept, warn })
    : undefined;
  const show = new TerminalSink(terminal, { firstStep, endStep, epochs: config.epochs });
  const rows = ranks.isRankZero
    ? [new JsonLinesSink(folder.metricsFile, { onError: config.onSaveError, warn })]
    : [];
  using metrics = new Metrics([...rows, ...(tensorboard === undefined ? [] : [tensorboard]), show]);
  metrics.write({
    kind: "run",
    step: firstStep,
    time: new Date().toISOString(),
    threads: config.threads,
    ranks: config.ranks,
    end_step: endStep,
    total_steps: totalSteps,
    verified,
    // What decodes them decides a photo's last bits.
    ...(description.layout === "folder" || description.layout === "packed"
      ? { jpeg: coreInfo().jpeg }
      : {}),
    warnings,
  });

  const metadataAt = (step: number): CheckpointMetadata => ({
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    config: optionsByName(config),
    computers,
  });
  const source = {
    folder: folder.checkpointsDir,
    learner,
    metadataAt,
    // The lock: without it, a save under way comes to nothing.
    syncFirst: [folder.metricsFile, ...(lock === undefined ? [] : [lock.file])],
    savedStep: isSaved ? firstStep : undefined,
    warn,
  };
  const keepEverySteps = config.saveEveryEpochs * stepsPerEpoch;
  await using writer = ranks.isRankZero
    ? new CheckpointWriter(source, { ...config, keepEverySteps })
    : undefined;
  const evaluateAt = async (step: number): Promise<void> => {
    if (test === undefined || evaluations.some((row) => row.step === step)) return;
    using progress = show.progressOf({ label: "evaluating", total: 100 });
    learner.shareStatistics();
    const parts = { learner, train, test, ranks };
    const found = await evaluate(parts, evaluationOptions(config), (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    });
    if (found === undefined) return;
    lock?.check();
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
  const stopped = (): boolean => ranks.any(interrupt.requested);
  const done = stopped() ? firstStep : await pretrain({ learner, dataset: train }, {
    ...config,
    stepsPerEpoch,
    augmentation,
    firstStep,
    endStep,
    probeRates,
  }, {
    // At the ends of epochs, too: an evaluation that a signal ended there is made up after a stop at that step.
    interrupted: (steps) =>
      ranks.stopsAfter(interrupt.requested, {
        agreed: isLogged(steps, { ...config, stepsPerEpoch }),
      }),
    logged: (row) => {
      lock?.check();
      metrics.write(row);
      badFiles?.update();
      const collapsed = collapse.see(row);
      if (collapsed === undefined) return;
      if (config.stopOnCollapse) throw new UserError(collapsed, ExitCode.numbers);
      warn(collapsed);
    },
    trace: (step, schedule) =>
      step - firstStep < config.traceSteps
        ? traceStep({ learner, dataset: train }, config, {
          step,
          rank: ranks.rankInfo.rank,
          ...schedule,
        })
        : undefined,
    stepDone: async (steps, epoch) => {
      show.tick(steps);
      lock?.check();
      writer?.stepDone(steps);
      if (epoch !== undefined && isEvaluationDue(steps)) await evaluateAt(steps);
    },
  });
  // The others wait for it as long as rank 0 lives, not for one step's time.
  await ranks.broadcast(async () => {
    lock?.check(0);
    await writer?.finish(done);
    return null;
  });
  metrics.flush();
  if (done < endStep || stopped()) {
    const again = config.resume === "never"
      ? "same command again, with --resume=auto,"
      : "same command again";
    warn(`Interrupted at step ${done}, all saved: start the ${again} to go on`);
    return ExitCode.interrupted;
  }
  if (probes && (done === totalSteps || config.evalAtEnd)) await evaluateAt(done);
  if (stopped()) throw interrupted("in the last evaluation, with the training saved");
  if (!ranks.isRankZero) return ExitCode.ok;
  lock?.check(0);
  const last = evaluations.at(-1);
  metrics.flush();
  const encoder = join(folder.path, "encoder.safetensors");
  saving(encoder, () =>
    learner.saveEncoder(encoder, {
      ...metadataAt(done),
      resnetType: config.resnetType,
      stem: stemOf(config),
      accuracy: last === undefined ? null : { ...last },
    }));
  const result = { step: done, totalSteps, evaluations };
  markFinished(folder, result);
  console.log(resultText(config, folder, result));
  return ExitCode.ok;
}
