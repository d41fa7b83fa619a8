/** `eval`: evaluates the encoder of a checkpoint, on one rank or on several that share the work. */

import type { RunConfig } from "../options/config.ts";
import { openData } from "../data/open.ts";
import { openDevice } from "../runtime/device.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { fineTune } from "../evaluate/fine_tune.ts";
import { Interrupt, interrupted } from "../runtime/interrupt.ts";
import { takeSubset } from "../data/label_subset.ts";
import { classifyByNeighbours, evaluate, type EvaluationParts } from "../evaluate/linear.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { setThreads } from "../native/core.ts";
import { requireRoomFor, saveProbe } from "../evaluate/saved_probe.ts";
import type { Probe } from "../native/probe.ts";
import type { RankInfo } from "../runtime/rank.ts";
import { requireSetup } from "../setup/record.ts";
import { Ranks } from "../distributed/ranks.ts";
import { NULL_TERMINAL, Progress, stderrTerminal } from "../base/terminal.ts";
import { runOnRanks } from "./on_ranks.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { transferred } from "../encoder/transfer.ts";
import { encoderNote } from "../encoder/weights_file.ts";

/** Accuracies of an evaluation in percent, those that the protocol has. */
interface Found {
  knn_top1?: number;
  top1?: number;
  top5?: number;
  tested: number;
  details?: Record<string, number>;
}

/** Evaluates as the command line says. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  return await runOnRanks("eval", args, ({ config }, { rankInfo, weights }) => {
    if (weights === undefined) throw new Error("an evaluation was parsed without its checkpoint");
    return evaluateCheckpoint(config, { rankInfo, weights });
  });
}

/**
 * Evaluates what the options name; rank 0 prints the result.
 *
 * @param parts.weights what the checkpoint holds
 * @returns the exit code
 */
async function evaluateCheckpoint(
  config: RunConfig,
  { rankInfo, weights }: { rankInfo: Readonly<RankInfo>; weights: CheckpointDescription },
): Promise<number> {
  using interrupt = new Interrupt();
  openDevice(config);
  setThreads(config.threads);
  const options = { config, core: requireSetup().hash, interrupted: () => interrupt.requested };
  return await Ranks.run(
    rankInfo,
    options,
    (ranks) => evaluateOn(ranks, config, { interrupt, weights }),
  );
}

async function evaluateOn(
  ranks: Ranks,
  asked: RunConfig,
  { interrupt, weights }: { interrupt: Interrupt; weights: CheckpointDescription },
): Promise<number> {
  if (asked.saveProbe !== null) requireRoomFor(asked.saveProbe);
  interrupt.watchCalls();
  const data = await ranks.rankZeroFirst(() => openData(asked, { signal: interrupt.signal }));
  using train = data.train;
  using test = data.test;
  if (test === undefined) throw new Error("openData() gave nothing to evaluate on");
  const path = asked.checkpoint ?? "";
  const { config, learner: made } = transferred(asked, weights);
  using learner = made;
  const loadEncoder = (): void => {
    try {
      learner.loadEncoder(path);
    } catch (error) {
      throw new UserError((error as Error).message, ExitCode.checkpoint);
    }
  };
  loadEncoder();
  const { classNames } = train.describe();
  ranks.shard(train, 1);
  const note = ranks.isRankZero ? encoderNote(path, weights) : undefined;
  if (note !== undefined) console.error(note);
  if (ranks.rankInfo.worldSize > 1) {
    await ranks.requireSame("weights", weights.sha256);
    await ranks.requireSame("training images", train.describe().digest);
    await ranks.requireSame("test images", test.describe().digest);
  }
  using progress = new Progress(ranks.isRankZero ? stderrTerminal() : NULL_TERMINAL, {
    label: "evaluating",
    total: 100,
  });
  const found = await follow({ learner, train, test, ranks }, config, {
    reset: loadEncoder,
    keep: (probe) => {
      if (config.saveProbe === null || !ranks.isRankZero) return;
      saveProbe(probe, { learner, config, weights, classNames });
    },
    onProgress: (done) => {
      progress.update(Math.min(100, Math.floor(100 * done)));
      return interrupt.requested;
    },
  });
  progress.close();
  if (found === undefined) throw interrupted("before the evaluation was done");
  if (!ranks.isRankZero) return ExitCode.ok;
  const { protocol, labelFraction } = config;
  console.log(
    config.format === "json"
      ? JSON.stringify({ protocol, label_fraction: labelFraction, ...found })
      : resultText(config, found),
  );
  return ExitCode.ok;
}

interface Hooks {
  /** Gives the learner the checkpoint's encoder again. */
  reset(): void;
  /** Hears of the final classifier. */
  keep(probe: Probe): void;
  /** Hears of the share that is done; true stops. */
  onProgress(done: number): boolean;
}

/** Evaluates by the protocol that the options name. @returns undefined when it was stopped */
async function follow(
  parts: EvaluationParts & Required<Pick<EvaluationParts, "ranks">>,
  config: RunConfig,
  { reset, keep, onProgress }: Hooks,
): Promise<Found | undefined> {
  const { protocol, labelFraction, seed } = config;
  const options = evaluationOptions(config);
  if (protocol === "finetune") {
    return await fineTune({ ...parts, reset, keep }, { ...options, labelFraction }, onProgress);
  }
  if (labelFraction < 100) {
    takeSubset(parts.train, { seed, percent: labelFraction, heldOut: 0 });
  }
  return protocol === "knn"
    ? await classifyByNeighbours(parts, options, onProgress)
    : await evaluate({ ...parts, keep }, options, onProgress);
}

/** The result as a line: the protocol and the share of labels by name, where they are not the usual ones. */
function resultText(
  { protocol, labelFraction }: RunConfig,
  { knn_top1, top1, top5 }: Found,
): string {
  const what = protocol === "finetune" ? "fine-tuned" : "linear probe";
  const figures = [
    ...knn_top1 === undefined ? [] : [`k-NN ${knn_top1.toFixed(2)} %`],
    ...top1 === undefined || top5 === undefined
      ? []
      : [`${what} top-1 ${top1.toFixed(2)} %, top-5 ${top5.toFixed(2)} %`],
  ].join(", ");
  return labelFraction === 100 ? figures : `${figures}, with ${labelFraction} % of the labels`;
}
