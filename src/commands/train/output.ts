/** The output of a training: metrics, checkpoints, progress, the finished encoder. */

import { NULL_TERMINAL, Progress, type ProgressOptions } from "../../base/terminal.ts";
import { UserError } from "../../base/exit_codes.ts";
import { printLine, showLine } from "../../base/output.ts";
import type { TrainRow } from "../../byol/train_row.ts";
import { coreInfo } from "../../native/core.ts";
import { optionsByName } from "../../options/stored.ts";
import { stemOf } from "../../recipes/stem.ts";
import type { CheckpointMetadata } from "../../run/checkpoint.ts";
import { CheckpointWriter, saving } from "../../run/checkpoint_writer.ts";
import {
  type EvalRow,
  Metrics,
  type MetricsRow,
  type MetricsSink,
  type RunRow,
} from "../../run/metrics.ts";
import { type Confusion, confusionFile, writeConfusion } from "../../run/confusion_file.ts";
import { JsonLinesSink } from "../../run/metrics_file.ts";
import { readFailure } from "../../run/failure.ts";
import { changedOptions } from "../../run/record.ts";
import { markFinished } from "../../run/result.ts";
import { openTensorBoard } from "../../run/tensorboard/open.ts";
import { TerminalSink } from "../../run/terminal_sink.ts";
import { coresGranted, siteFactors } from "../../runtime/sites.ts";
import { UsageLedger } from "../../run/usage_ledger.ts";
import { requireSetup } from "../../setup/record.ts";
import type { KeptRows } from "./open_run.ts";
import { closingLines } from "./story.ts";
import type { Restored } from "./restore.ts";
import { resultText } from "./result_text.ts";
import type { Training } from "./training.ts";

/** Output of a training. */
export interface RunOutput extends AsyncDisposable {
  /** Writes a row of metrics. @throws UserError (run folder) where the lock is lost; (save) where writing fails */
  write(row: MetricsRow): void;
  /** Keeps the answers by class of an evaluation in place of those before. @throws UserError as `write` does */
  keepAnswers(answers: Confusion): void;
  /** Takes the energy of all GPUs in this invocation, in joules; undefined where it is not measured. */
  used(joules: number | undefined): void;
  /** Shows the step, and saves where a checkpoint is due. @throws UserError as `write` does */
  stepDone(stepsDone: number): void;
  /** Shows a line that is no part of the metrics. */
  note(line: string): void;
  /** Returns a progress line for work between two steps. */
  progressOf(options: ProgressOptions): Progress;
  /** Saves the last step, unless it is saved already, and waits for the end. @throws UserError as `write` does */
  saveLast(stepsDone: number): Promise<void>;
  /** Waits until all rows are on the disk. */
  flush(): void;
  /** Writes encoder.safetensors and result.json. @throws UserError as `write` does */
  complete(stepsDone: number, parts: Completed): void;
}

/** The end of a training. */
interface Completed {
  evaluations: readonly EvalRow[];
  /** Note on a run that its budget has ended before its last step; undefined for any other. */
  late: string | undefined;
}

/** Output of ranks above 0, which has no effect. */
const NULL_OUTPUT: RunOutput = {
  write() {},
  keepAnswers() {},
  used() {},
  stepDone() {},
  note() {},
  progressOf: (options) => new Progress(NULL_TERMINAL, options),
  saveLast: async () => {},
  flush() {},
  complete() {},
  [Symbol.asyncDispose]: async () => {},
};

/** State at the beginning of an invocation. */
interface Beginning {
  restored: Restored;
  kept: KeptRows;
}

/**
 * Opens the output of a training, which writes on rank 0 only.
 *
 * @throws UserError (run folder) where the metrics cannot be opened
 */
export async function openOutput(training: Training, beginning: Beginning): Promise<RunOutput> {
  const { ranks } = training.invocation;
  return await ranks.rankZeroOnly(() => RankZeroOutput.open(training, beginning)) ?? NULL_OUTPUT;
}

/** Output of rank 0. Its disposal waits for a save under way. */
class RankZeroOutput implements RunOutput {
  readonly #training: Training;
  readonly #show: TerminalSink;
  readonly #metrics: Metrics;
  readonly #writer: CheckpointWriter;
  readonly #ledger: UsageLedger;
  readonly #metadataAt: (stepsDone: number) => CheckpointMetadata;
  readonly #held: AsyncDisposableStack;

  private constructor(training: Training, parts: {
    show: TerminalSink;
    metrics: Metrics;
    writer: CheckpointWriter;
    ledger: UsageLedger;
    metadataAt: (stepsDone: number) => CheckpointMetadata;
    held: AsyncDisposableStack;
  }) {
    this.#training = training;
    this.#show = parts.show;
    this.#metrics = parts.metrics;
    this.#writer = parts.writer;
    this.#ledger = parts.ledger;
    this.#metadataAt = parts.metadataAt;
    this.#held = parts.held;
  }

  /** Opens the metrics, and writes the row of this invocation. */
  static async open(training: Training, { restored, kept }: Beginning): Promise<RankZeroOutput> {
    const { plan, run, learner, invocation } = training;
    const { config, folder, terminal, warn } = invocation;
    const { inputs, augmentation } = training;
    const { firstStep, savedStep, computers } = restored;
    await using held = new AsyncDisposableStack();
    const { endStep, stepsPerEpoch } = plan;
    const show = new TerminalSink(terminal, { firstStep, endStep, epochs: config.epochs });
    const metrics = held.use(
      new Metrics([
        new JsonLinesSink(folder.metricsFile, { onError: config.onSaveError, warn }),
        ...await tensorBoardOf(invocation, { firstStep, kept }),
        show,
      ]),
    );
    const row = invocationRow(training, restored);
    metrics.write(row);
    const metadataAt = (step: number): CheckpointMetadata => ({
      step,
      epoch: Math.floor(step / stepsPerEpoch),
      config: optionsByName(config),
      data: inputs.data,
      augmentation,
      ...training.budget && { spentSeconds: training.budget.spentSeconds },
      computers,
    });
    const writer = held.use(
      new CheckpointWriter({
        folder: folder.checkpointsDir,
        learner,
        metadataAt,
        // A lost lock is a missing file, which makes a save under way fail.
        syncFirst: [folder.metricsFile, run.lock.file],
        savedStep,
        protectedStep: readFailure(folder)?.checkpoint ?? null,
        warn,
      }, { ...config, keepEverySteps: plan.keepEverySteps }),
    );
    const ledger = ledgerOf(training, kept);
    ledger.add(row);
    const parts = { show, metrics, writer, ledger, metadataAt };
    return new RankZeroOutput(training, { ...parts, held: held.move() });
  }

  write(row: MetricsRow): void {
    this.#training.run.lock.check();
    this.#ledger.add(row);
    this.#metrics.write(row.kind === "train" ? { ...row, ...this.#used() } : row);
  }

  keepAnswers(answers: Confusion): void {
    const { folder } = this.#training.invocation;
    this.#training.run.lock.check();
    saving(confusionFile(folder), () => writeConfusion(folder, answers));
  }

  used(joules: number | undefined): void {
    this.#ledger.used(joules);
  }

  stepDone(stepsDone: number): void {
    this.#show.tick(stepsDone);
    this.#training.run.lock.check();
    this.#ledger.stepDone();
    this.#writer.stepDone(stepsDone);
  }

  note(line: string): void {
    this.#show.note(line);
  }

  progressOf(options: ProgressOptions): Progress {
    return this.#show.progressOf(options);
  }

  async saveLast(stepsDone: number): Promise<void> {
    this.#training.run.lock.check(0);
    await this.#writer.finish(stepsDone);
  }

  flush(): void {
    this.#metrics.flush();
  }

  complete(stepsDone: number, { evaluations, late }: Completed): void {
    const { invocation: { config, folder, warn }, inputs, plan, run, learner } = this.#training;
    run.lock.check(0);
    this.#metrics.flush();
    const path = folder.encoderFile;
    const last = evaluations.at(-1);
    saving(path, () =>
      learner.saveEncoder(path, {
        ...this.#metadataAt(stepsDone),
        resnetType: config.resnetType,
        stem: stemOf(config),
        accuracy: last === undefined ? null : { ...last },
      }));
    const result = {
      step: stepsDone,
      totalSteps: plan.totalSteps,
      evaluations: [...evaluations],
      ...late !== undefined && { late },
      usage: this.#ledger.usage(),
      config: optionsByName(config),
      ...inputs.notes.length > 0 && { notes: inputs.notes },
    };
    markFinished(folder, result);
    for (const note of inputs.notes) warn(note);
    this.#show.close();
    printLine(resultText({ config, folder }, result));
    for (const line of closingLines(folder)) showLine(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
    if (holds(this.#training.run.lock)) this.#ledger.write();
  }

  /** Returns the amounts of a row: to the millisecond, and to the joule. */
  #used(): Pick<TrainRow, "core_seconds" | "gpu_seconds" | "joules"> {
    const { core_seconds: cores, gpu_seconds: gpus, joules } = this.#ledger.usage();
    const rounded = (seconds: number): number => Math.round(1000 * seconds) / 1000;
    return {
      core_seconds: rounded(cores),
      ...gpus !== undefined && { gpu_seconds: rounded(gpus) },
      ...joules !== undefined && { joules },
    };
  }
}

/** Tells whether a lock is still held. */
function holds(lock: { check(maxAgeMilliseconds: number): void }): boolean {
  try {
    lock.check(0);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

/** Opens the account of this invocation. */
function ledgerOf(
  { invocation: { config, folder, startedAt, warn } }: Training,
  kept: KeptRows,
): UsageLedger {
  const { ranks, threads, hardware, batchSize } = config;
  return new UsageLedger(folder, {
    invocation: {
      ranks,
      gpus: hardware === "cpu" ? 0 : ranks,
      cores: ranks * coresGranted(threads),
      ...siteFactors(),
    },
    ...{ startedAt, batchSize, kept: kept.rows, warn },
  });
}

/** Returns the sink for TensorBoard; none without --tensorboard, or where its file cannot be written. */
async function tensorBoardOf(
  { config, origins, folder, warn }: Training["invocation"],
  { firstStep, kept }: { firstStep: number; kept: KeptRows },
): Promise<MetricsSink[]> {
  if (!config.tensorboard) return [];
  const sink = await openTensorBoard(folder, {
    config,
    origins,
    firstStep,
    kept: kept.rows,
    warn,
  });
  return sink === undefined ? [] : [sink];
}

/** Returns the row that an invocation begins with. */
function invocationRow(
  { invocation: { config }, inputs, plan, run }: Training,
  { firstStep: step, here }: Restored,
): RunRow {
  const { layout } = inputs.described.train;
  const changed = run.previous === null ? {} : changedOptions(run.previous.config, config);
  return {
    kind: "run",
    step,
    time: new Date().toISOString(),
    threads: config.threads,
    ranks: config.ranks,
    end_step: plan.endStep,
    total_steps: plan.totalSteps,
    ...inputs.data.verified !== undefined && { verified: inputs.data.verified },
    // The last bits of a photo depend on its decoder.
    ...(layout === "folder" || layout === "packed" ? { jpeg: coreInfo().jpeg } : {}),
    computer: here,
    core: requireSetup().hash,
    ...Object.keys(changed).length > 0 && { changed },
    warnings: inputs.warnings,
  };
}
