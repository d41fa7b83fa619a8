/** Restoring of the state that a training begins or resumes with, which is the same on all ranks. */

import { dirname } from "node:path";
import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { asUserError } from "../../base/expected.ts";
import { isSamePath } from "../../base/files.ts";
import { requireNoLeak } from "../../encoder/trained_hold_out.ts";
import { initialise } from "../../encoder/weights_file.ts";
import type { Learner } from "../../native/learner.ts";
import type { RunConfig } from "../../options/config.ts";
import { recordedOptions } from "../../options/stored.ts";
import { optionOf } from "../../options/table.ts";
import { checkpointToGoOnFrom, type Resumable } from "../../run/checkpoint.ts";
import { removeLeftovers, type RunFolder } from "../../run/folder.ts";
import {
  differencesOf,
  type InitialWeights,
  requireOwnCheckpoint,
  requireSameStart,
} from "../../run/record.ts";
import { unmarkFinished } from "../../run/result.ts";
import { gpuName } from "../../runtime/device.ts";
import {
  type Fingerprint,
  fingerprintHere,
  fingerprintsOf,
  resumedFingerprints,
} from "../../runtime/fingerprint.ts";
import { requireSetup } from "../../setup/record.ts";
import type { Training } from "./training.ts";

/** The state that a training begins or resumes with. */
export interface Restored {
  /** The first step of this invocation, from 0. */
  firstStep: number;
  /** The step whose checkpoint the run folder holds; undefined for a new run. */
  savedStep: number | undefined;
  /** Seconds that a run with a budget has spent before, as its checkpoint names them; 0 for a new run. */
  spentSeconds: number;
  /** Fingerprints of all invocations of the run, with this one. */
  computers: Fingerprint[];
  /** Fingerprint of this invocation. */
  here: Fingerprint;
  /** The CPU's model. */
  machine: string;
  /** The file that the encoder was initialised from; null for weights drawn from the seed, and on ranks above 0. */
  initialWeights: InitialWeights | null;
}

/**
 * Restores the learner from the newest or the named checkpoint, or initialises its encoder from a file. All ranks get
 * rank 0's state.
 *
 * @throws UserError (checkpoint) where a file cannot be used, or was trained on images that are held out here; (usage) where the checkpoint's step is after the last
 * step of this training
 */
export async function restore(training: Training): Promise<Restored> {
  const { invocation, learner, plan } = training;
  const { newest, initialWeights } = await loadWeights(training);
  invocation.ranks.join(learner, invocation.config);
  const firstStep = newest?.metadata.step ?? 0;
  if (firstStep > plan.endStep) {
    throw new UserError(
      `Cannot end at step ${plan.endStep}: ${newest?.path} is of step ${firstStep}, expected more steps ` +
        "(--max_steps, --nb_epochs), or another --run_dir for a new run",
      ExitCode.usage,
    );
  }
  const isOfRun = newest !== null && isIn(invocation.folder, newest.path);
  if (newest !== null) warnOfChanges(training, newest, { isOfRun });
  return {
    firstStep,
    savedStep: isOfRun ? firstStep : undefined,
    spentSeconds: newest?.metadata.spentSeconds ?? 0,
    ...computersOf(training, newest),
    initialWeights,
  };
}

/** Loads the weights on rank 0, and returns the checkpoint on all ranks; null for a new run. */
async function loadWeights(
  { invocation, inputs, run, augmentation, learner }: Training,
): Promise<{ newest: Resumable | null; initialWeights: InitialWeights | null }> {
  const { ranks, config, folder, warn } = invocation;
  let initialWeights: InitialWeights | null = null;
  const newest = await ranks.broadcast(() => {
    const newest = checkpointToGoOnFrom(config.resume, {
      folder: folder.checkpointsDir,
      begunWith: run.previous?.config.resume,
      warn,
    });
    const { train } = inputs.described;
    if (newest !== undefined && isIn(folder, newest.path)) {
      requireOwnCheckpoint(newest, { config, augmentation, data: inputs.data });
    } else if (newest !== undefined) {
      requireNoLeak(config, { ...newest, train, use: "begin with" });
    }
    removeLeftovers(folder);
    unmarkFinished(folder);
    if (newest !== undefined) {
      requireSameHeads(newest, config);
      load(learner, newest.path);
      return newest;
    }
    if (config.initFrom !== null) {
      const parts = { config, train, warn };
      initialWeights = initialise(learner, config.initFrom, parts);
    }
    if (run.previous !== null) requireSameStart(folder, run.previous, initialWeights);
    return null;
  });
  return { newest, initialWeights };
}

/** Tells whether a checkpoint is in the run's own folder. */
function isIn(folder: RunFolder, path: string): boolean {
  return isSamePath(dirname(path), folder.checkpointsDir);
}

/** Refuses a checkpoint whose heads have other layers than this training's, or that has a head more or less. */
function requireSameHeads({ path, metadata }: Resumable, config: RunConfig): void {
  const there = recordedOptions(metadata.config).config;
  const differs = (there.rotationWeight > 0) !== (config.rotationWeight > 0);
  const field = differs ? "rotationWeight" : "heads";
  if (!differs && there.heads === config.heads) return;
  const { option } = optionOf(field);
  throw new UserError(
    `Cannot resume from ${path} with --${option}=${
      config[field]
    }: it was trained with --${option}=${
      there[field]
    }, expected this value, or --init_from=${path} for its encoder alone with new heads`,
    ExitCode.checkpoint,
  );
}

function load(learner: Learner, path: string): void {
  try {
    learner.load(path);
  } catch (error) {
    throw asUserError(error, ExitCode.checkpoint);
  }
}

/** Warns of differences from the checkpoint: the options of another run, a new online probe. */
function warnOfChanges(
  { invocation: { config, warn }, probeRates }: Training,
  { path, metadata }: Resumable,
  { isOfRun }: { isOfRun: boolean },
): void {
  const before = recordedOptions(metadata.config).config;
  const differences = isOfRun ? [] : differencesOf(before, config);
  if (differences.length > 0) {
    warn(
      `${path} was trained with other options, and is resumed with those given here: ${
        differences.join("; ")
      }`,
    );
  }
  if (probeRates !== undefined && !before.onlineProbe) {
    warn(`${path} holds no online probe: a new one is trained from step ${metadata.step}`);
  }
}

/** Adds the fingerprint of this invocation to those of the run, and warns where the run is no longer exact. */
function computersOf(
  { invocation: { config, device, warn } }: Training,
  newest: Resumable | null,
): Pick<Restored, "computers" | "here" | "machine"> {
  const gpu = gpuName(config, device);
  const here = fingerprintHere(config.threads, requireSetup().libtorchVersion, {
    ranks: config.ranks,
    microBatches: config.accumulateSteps,
    ...gpu !== undefined && { gpu },
  });
  const { computers, note } = resumedFingerprints(fingerprintsOf(newest?.metadata), here);
  if (note !== undefined) warn(note);
  return { computers, here, machine: here.processor };
}
