/** `eval`: evaluates the encoder of a checkpoint, on one rank or on several ranks that share the work. */

import { isGiven } from "../options/config.ts";
import { BadFileRecord, badFilesOf, besideFile, mergedBadFiles } from "../data/bad_files.ts";
import type { ParsedCommandLine } from "../options/parse.ts";
import { deviceOf, openDevice } from "../runtime/device.ts";
import { ExitCode } from "../base/exit_codes.ts";
import { classNotes } from "../evaluate/class_notes.ts";
import { FINE_TUNING_EPOCHS, fineTune } from "../evaluate/fine_tune.ts";
import { Interrupt, interrupted } from "../runtime/interrupt.ts";
import { takeSubset } from "../data/label_subset.ts";
import { classifyByNeighbours, evaluate, type EvaluationParts } from "../evaluate/linear.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { Dataset } from "../native/dataset.ts";
import { setThreads } from "../native/core.ts";
import { requireRoomFor, saveProbe } from "../evaluate/saved_probe.ts";
import type { Probe } from "../native/probe.ts";
import type { RankInfo } from "../runtime/rank.ts";
import { requireSetup } from "../setup/record.ts";
import { foundLines } from "../run/data_record.ts";
import { Ranks } from "../distributed/ranks.ts";
import { NULL_TERMINAL, Progress, stderrTerminal } from "../base/terminal.ts";
import { printLine, showLine } from "../base/output.ts";
import { openEvaluated } from "./evaluated_data.ts";
import { withEvaluationAdvice } from "./memory_advice.ts";
import { runOnRanks } from "./on_ranks.ts";
import { type Evaluated, neighboursNote, resultText, strengthNote } from "./eval_text.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { transferred } from "../encoder/transfer.ts";
import { encoderNote, loadEncoder } from "../encoder/weights_file.ts";

/** Evaluates a checkpoint by the command line. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  return await runOnRanks("eval", args, (parsed, { rankInfo, weights }) => {
    if (weights === undefined) throw new Error("an evaluation was parsed without its checkpoint");
    return evaluateCheckpoint(parsed, { rankInfo, weights });
  });
}

/**
 * Evaluates the checkpoint that the options name; rank 0 prints the result.
 *
 * @param parts.weights description of the checkpoint
 * @returns the exit code
 */
async function evaluateCheckpoint(
  parsed: ParsedCommandLine,
  { rankInfo, weights }: { rankInfo: Readonly<RankInfo>; weights: CheckpointDescription },
): Promise<number> {
  using interrupt = new Interrupt();
  const { config } = parsed;
  const device = deviceOf(config, rankInfo);
  openDevice(config, device);
  setThreads(config.threads, device);
  const options = { config, core: requireSetup().hash, interrupted: () => interrupt.requested };
  return await Ranks.run(
    rankInfo,
    options,
    async (ranks) => {
      try {
        return await evaluateOn(ranks, parsed, { interrupt, weights });
      } catch (error) {
        throw withEvaluationAdvice(error, config);
      }
    },
  );
}

async function evaluateOn(
  ranks: Ranks,
  { config: given, origins }: ParsedCommandLine,
  { interrupt, weights }: { interrupt: Interrupt; weights: CheckpointDescription },
): Promise<number> {
  if (given.saveProbe !== null) requireRoomFor(given.saveProbe);
  interrupt.watchCalls();
  const device = deviceOf(given, ranks.rankInfo);
  const { signal } = interrupt;
  const wanted = { splits: "train and test", device, signal, weights } as const;
  const data = await ranks.rankZeroFirst(() => openEvaluated({ config: given, origins }, wanted));
  const { config: asked } = data;
  using train = data.train;
  using test = data.test;
  using heldOut = data.heldOut;
  const path = asked.checkpoint ?? "";
  const { config, learner: made } = transferred(asked, { found: weights, device });
  using learner = made;
  loadEncoder(learner, path);
  const { classes, classNames, found: ofTrain, heldOut: held } = train.describe();
  const found = { train: ofTrain, ...test !== undefined && { test: test.describe().found } };
  ranks.rankZeroOnly(() => foundLines(found, held).forEach(showLine));
  ranks.shard(train, 1);
  const note = ranks.rankZeroOnly(() => encoderNote(path, weights));
  if (note !== undefined) showLine(note);
  const list = besideFile(path);
  const sets = { train, test, held_out: heldOut };
  using badFiles = ranks.rankZeroOnly(() => new BadFileRecord(list, sets, showLine));
  ranks.rankZeroOnly(() => data.notes.forEach(showLine));
  const notes = classNotes(classes, { hasTop5: config.protocol !== "knn" });
  ranks.rankZeroOnly(() => notes.forEach((line) => showLine(line)));
  await requireSameInputs(ranks, { train, test, weights });
  const terminal = ranks.rankZeroOnly(stderrTerminal) ?? NULL_TERMINAL;
  using progress = new Progress(terminal, { label: "evaluating", total: 100 });
  const parts = { learner, train, test, heldOut, ranks, byClass: true };
  const result = await followWithin(parts, { config, origins }, {
    reset: () => loadEncoder(learner, path),
    keep: (probe) => {
      if (config.saveProbe === null) return;
      ranks.rankZeroOnly(() => saveProbe(probe, { learner, config, weights, classNames }));
    },
    onProgress: (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    },
  });
  progress.close();
  const unusable = ranks.collect(badFilesOf(sets));
  if (unusable !== undefined) badFiles?.update(mergedBadFiles(unusable));
  if (result === undefined) throw interrupted("before the evaluation was done");
  ranks.rankZeroOnly(() => {
    for (const note of [neighboursNote(config, result), strengthNote(result)]) {
      if (note !== undefined) showLine(note);
    }
    printLine(resultText(config, { ...result, classes }, classNames));
  });
  return ExitCode.ok;
}

/** Compares weights and images with rank 0's. @throws UserError (data) on a rank where they differ */
async function requireSameInputs(
  ranks: Ranks,
  { train, test, weights }: {
    train: Dataset;
    test: Dataset | undefined;
    weights: CheckpointDescription;
  },
): Promise<void> {
  if (ranks.rankInfo.worldSize === 1) return;
  await ranks.requireSame("weights", weights.sha256);
  await ranks.requireSame("training images", train.describe().digest);
  if (test !== undefined) await ranks.requireSame("test images", test.describe().digest);
}

interface Hooks {
  /** Loads the checkpoint's encoder into the learner again. */
  reset(): void;
  /** Receives the final classifier. */
  keep(probe: Probe): void;
  /** Receives the share that is done, 0 to 1; true stops. */
  onProgress(done: number): boolean;
}

/** Evaluates as follow() does. @throws UserError that says what helps where there is no memory left */
async function followWithin(
  ...[parts, asked, hooks]: Parameters<typeof follow>
): ReturnType<typeof follow> {
  try {
    return await follow(parts, asked, hooks);
  } catch (error) {
    throw withEvaluationAdvice(error, asked.config, parts.train.describe().count);
  }
}

/** Evaluates by the protocol of the options. @returns undefined when stopped */
async function follow(
  parts: EvaluationParts & Required<Pick<EvaluationParts, "ranks">>,
  { config, origins }: Pick<ParsedCommandLine, "config" | "origins">,
  { reset, keep, onProgress }: Hooks,
): Promise<Evaluated | undefined> {
  const { protocol, labelFraction, seed, datasetName } = config;
  const options = evaluationOptions(config, deviceOf(config, parts.ranks.rankInfo));
  if (protocol === "finetune") {
    // The demo's ten epochs are no part of the paper.
    const isOfPaper = datasetName !== "demo" && !isGiven(origins.probeEpochs);
    const sweptEpochs = isOfPaper ? FINE_TUNING_EPOCHS : undefined;
    const tuning = { ...options, labelFraction, sweptEpochs };
    return await fineTune({ ...parts, reset, keep }, tuning, onProgress);
  }
  if (labelFraction < 100) {
    takeSubset(parts.train, { seed, percent: labelFraction, heldOut: 0 });
  }
  return protocol === "knn"
    ? await classifyByNeighbours(parts, options, onProgress)
    : await evaluate({ ...parts, keep }, options, onProgress);
}
