/** Opening of a run folder: the check for a finished run, the lock, the comparison with the record. */

import { VERSION } from "../../base/version.ts";
import { readCommit } from "../../base/git_commit.ts";
import { printLine } from "../../base/output.ts";
import type { PreparedFolder, RunFolder } from "../../run/folder.ts";
import {
  claimRunFolder,
  differencesOf,
  readRunRecord,
  requireSameInputs,
  type RunRecord,
  valuesOfOlderPreset,
  writeRunRecord,
} from "../../run/record.ts";
import { loadAugmentSchedule } from "../../recipes/view_schedule.ts";
import { checkpointPath } from "../../run/checkpoint.ts";
import { dataRecordOf, type DescribedImages } from "../../run/data_record.ts";
import { RunLock } from "../../run/lock.ts";
import type { EvalRow, MetricsRow } from "../../run/metrics.ts";
import { setAside, truncateAfter } from "../../run/metrics_file.ts";
import {
  finishedResult,
  isOfSameDataDir,
  requireResultOf,
  type RunResult,
} from "../../run/result.ts";
import { isLogged, planTraining } from "../../byol/plan.ts";
import { projectRoot, requireSetup } from "../../setup/record.ts";
import { keepChosen } from "./budget.ts";
import { keepMeasured } from "./normalisation.ts";
import type { Invocation } from "./invocation.ts";
import type { Restored } from "./restore.ts";
import { resultText } from "./result_text.ts";
import type { Training } from "./training.ts";

/** Part of a lock that its holder uses. */
type HeldLock = Pick<RunLock, "check" | "file">;

/** The lock of ranks above 0, which write nothing. */
const NULL_LOCK: HeldLock = { file: "", check() {} };

/** Rows of earlier invocations that the run keeps. */
export interface KeptRows {
  /** All rows, in order; none on ranks above 0. */
  rows: readonly MetricsRow[];
  /** The evaluations among them, on every rank. */
  evaluations: readonly EvalRow[];
}

/**
 * Sets the options of an invocation that its preset gave to those that the run to resume began with, where the preset
 * has changed since. All ranks must call this function.
 */
export async function keepOlderPreset(invocation: Invocation): Promise<void> {
  const { ranks, config, origins, folder, warn } = invocation;
  if (config.resume === "never") return;
  const kept = await ranks.broadcast(() => {
    const previous = readRunRecord(folder);
    return previous === null ? {} : valuesOfOlderPreset(previous, { config, origins });
  });
  const now = { ...config };
  const fields = Object.keys(Object.assign(config, kept)).filter((field) => field in kept);
  if (fields.length === 0) return;
  const differences = differencesOf(config, now, { fields: fields as (keyof typeof config)[] });
  warn(
    `The run in ${folder.path} keeps the values that --preset=${config.preset} had when it began: ${
      differences.join("; ")
    }`,
  );
}

/**
 * Prints the result of a run that has nothing left to do.
 *
 * @param options.dataIsSame true where the images have been compared with the record; by default, data folders are
 * compared by name, and a run with another data folder counts as unfinished
 * @returns true where the run is finished
 * @throws UserError (run folder) where the folder holds another run
 */
export async function isFinished(
  { ranks, config, folder, warn }: Invocation,
  { dataIsSame = false } = {},
): Promise<boolean> {
  return await ranks.broadcast(() => {
    const begun = claimRunFolder(folder, config);
    if (begun === null) return false;
    const finished = finishedResult(folder, config, begun.config.resume);
    if (finished === undefined) return false;
    if (!dataIsSame && !isOfSameDataDir(finished, { begun, config })) return false;
    requireResultOf(finished, { folder, begun, config });
    warn(
      `The run in ${folder.path} is finished: nothing is left to do; ${
        wayToMore(finished, folder)
      }`,
    );
    for (const note of [finished.late ?? [], finished.notes ?? []].flat()) warn(note);
    printLine(resultText({ config, folder }, finished));
    return true;
  });
}

/** Returns how to train a finished run further. */
function wayToMore(
  { step, totalSteps, late }: RunResult,
  { checkpointsDir }: RunFolder,
): string {
  if (late !== undefined) {
    return "its time is over: to end its schedules, give --nb_epochs and --nb_epochs_warmup of its config.json in place " +
      `of --time_budget, with another --run_dir and --resume=${
        checkpointPath(checkpointsDir, step)
      }`;
  }
  return step < totalSteps
    ? `it has done ${step} of ${totalSteps} steps: a larger --max_steps, or none, resumes it`
    : "its schedules have ended: for more epochs, give a larger --nb_epochs with another --run_dir and " +
      `--resume=${checkpointPath(checkpointsDir, step)}`;
}

/** A run folder that this invocation has locked, until its disposal. */
export class OpenRun implements Disposable {
  /** The record of the run to resume; null where this invocation begins the run. */
  readonly previous: RunRecord | null;
  /** The lock; on ranks above 0 an object without effect. */
  readonly lock: HeldLock;
  readonly #invocation: Invocation;
  readonly #held: DisposableStack;

  private constructor(
    invocation: Invocation,
    parts: { previous: RunRecord | null; lock: HeldLock; held: DisposableStack },
  ) {
    this.previous = parts.previous;
    this.lock = parts.lock;
    this.#invocation = invocation;
    this.#held = parts.held;
  }

  /**
   * Locks the run folder.
   *
   * @param prepared the folder; none on ranks above 0
   * @throws UserError (run folder) where another process holds the lock or the folder is of another run; (interrupted)
   * where a signal ended the wait for the lock
   */
  static async take(
    invocation: Invocation,
    prepared: PreparedFolder | undefined,
  ): Promise<OpenRun> {
    const { ranks, config, folder, warn, interrupt } = invocation;
    using held = new DisposableStack();
    let lock: HeldLock = NULL_LOCK;
    await ranks.broadcast(async () => {
      lock = held.use(await RunLock.take(folder.path, { log: warn, signal: interrupt.signal }));
      held.defer(() => prepared?.clear());
      prepared?.renew();
      return null;
    });
    // Another invocation may have trained before the lock was free: the record is read again.
    await keepChosen(invocation);
    await keepMeasured(invocation);
    const previous = await ranks.broadcast(() => claimRunFolder(folder, config));
    return new OpenRun(invocation, { previous, lock, held: held.move() });
  }

  /** Compares images and augmentations with the record. @throws UserError (run folder) where they differ */
  requireSameInputs({ train, test }: DescribedImages): void {
    if (this.previous === null) return;
    const { folder, config } = this.#invocation;
    const { stepsPerEpoch } = planTraining(train.count, config);
    requireSameInputs(folder, this.previous, {
      augmentation: loadAugmentSchedule(config, stepsPerEpoch),
      data: dataRecordOf(config.datasetName, { train, test }),
    });
  }

  /**
   * Writes the record of a run that has none, and cuts the metrics back to the step that this invocation resumes from.
   *
   * @throws UserError (run folder or save) where a file cannot be read or written
   */
  async begin(
    { inputs, plan, augmentation, budget }: Pick<
      Training,
      "inputs" | "plan" | "augmentation" | "budget"
    >,
    { firstStep, savedStep, initialWeights, machine }: Restored,
  ): Promise<KeptRows> {
    const { ranks, config, origins, folder, warn } = this.#invocation;
    let rows: MetricsRow[] = [];
    const evaluations = await ranks.broadcast(() => {
      if (this.previous === null && savedStep === undefined) setMetricsAside(this.#invocation);
      rows = truncateAfter(folder.metricsFile, firstStep, {
        isLogged: (stepsDone) => isLogged(stepsDone, plan),
      });
      if (this.previous === null) {
        if (savedStep !== undefined) {
          warn(
            `${folder.configFile} is missing: it is written again, by the options of the checkpoint of step ` +
              `${savedStep}, which are those given here`,
          );
        }
        writeRunRecord(folder, {
          config,
          origins,
          augmentation,
          ...recordOfProgram(),
          data: inputs.data,
          initialWeights,
          ...budget?.record && { budget: budget.record },
          machine,
          startedAt: startOf(rows) ?? new Date().toISOString(),
        });
      }
      return rows.filter((row) => row.kind === "eval");
    });
    return { rows, evaluations };
  }

  /** Releases the lock. */
  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/** Moves the metrics of another run away, whose record is gone. */
function setMetricsAside({ folder, warn }: Invocation): void {
  const aside = setAside(folder.metricsFile);
  if (aside === undefined) return;
  warn(
    `${folder.metricsFile} held rows of another run, whose config.json is missing: now ${aside}`,
  );
}

/** Returns when the first invocation of a run began, as far as its rows tell. */
function startOf(rows: readonly MetricsRow[]): string | undefined {
  const first = rows.find((row) => row.kind === "run");
  return typeof first?.time === "string" ? first.time : undefined;
}

function recordOfProgram(): Pick<RunRecord, "versions" | "commit"> {
  const setup = requireSetup();
  return {
    versions: {
      byol: VERSION,
      deno: Deno.version.deno,
      libtorch: setup.libtorchVersion,
      core: setup.hash,
    },
    commit: readCommit(projectRoot),
  };
}
