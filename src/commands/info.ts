/** `info`: describes a checkpoint, in a few lines or as JSON. */

import { ExitCode } from "../base/exit_codes.ts";
import { isExpected } from "../base/expected.ts";
import { printLine } from "../base/output.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { INFO } from "../options/commands/info.ts";
import { readCommand } from "../options/commands/registry.ts";
import type { RunConfig } from "../options/config.ts";
import { storedOptions } from "../options/stored.ts";
import { viewsOf } from "../recipes/view_schedule.ts";
import { epochText } from "../run/accuracy_text.ts";
import type { EvalRow } from "../run/metrics.ts";
import { describeOrThrow, metadataOf, weightsFileOf } from "../run/checkpoint.ts";
import { runFolderOf } from "../run/folder.ts";
import { evaluationAt } from "../run/metrics_file.ts";
import { evaluationText } from "../run/terminal_sink.ts";

/**
 * Describes the checkpoint that `--checkpoint` names.
 *
 * @returns the exit code
 * @throws UserError for wrong options, and for a checkpoint that is missing or damaged
 */
export function main(args: readonly string[]): number {
  const { checkpoint: asked, format } = readCommand(INFO, args).own;
  const path = weightsFileOf(asked);
  const found = describeOrThrow(path);
  const { step, epoch, config } = metadataOf(path, found);
  const { tensors, sha256 } = found;
  if (format === "json") {
    printLine(JSON.stringify({ step, epoch, config, tensors, sha256 }));
    return ExitCode.ok;
  }
  const lines = [
    ...path === asked ? [] : [`file ${path}`],
    `step ${step}`,
    `epoch ${epochText(epoch)}`,
    ...recipeLines(storedOptions(config)),
    `accuracy ${accuracyLine(path, step, found.metadata)}`,
    `tensors ${tensors}`,
    `sha256 ${sha256}`,
  ];
  printLine(lines.join("\n"));
  return ExitCode.ok;
}

/** Returns a line each on network, data and recipe, of what the file tells. */
function recipeLines(config: Partial<RunConfig>): string[] {
  const { resnetType, datasetName, dataDir, limitTrain, holdOut, normalisation } = config;
  const { epochs, batchSize, learningRate, tauBase, seed, preset } = config;
  const known = (parts: readonly [unknown, string][]): string =>
    parts.filter(([value]) => value !== undefined && value !== null).map(([, text]) => text).join(
      ", ",
    );
  return [
    `network ${resnetType ?? "unknown"}`,
    `data ${
      known([
        [datasetName, `${datasetName}`],
        [dataDir, `${dataDir}`],
        [datasetName, `views of ${sideOf(config)} pixels`],
        [limitTrain, `${limitTrain} training images`],
        [holdOut, `${holdOut} held out`],
        [normalisation, `normalisation ${normalisation}`],
      ]) || "unknown"
    }`,
    `recipe ${
      known([
        [preset, `preset ${preset}`],
        [epochs, `${epochs} epochs`],
        [batchSize, `batches of ${batchSize}`],
        [learningRate, `learning rate ${learningRate}`],
        [tauBase, `tau from ${tauBase}`],
        [seed, `seed ${seed}`],
      ]) || "unknown"
    }`,
  ];
}

/** Returns the side of the views in pixels: the given one, or that of the preset or the data set. */
function sideOf({ preset = null, datasetName = "demo", imageSize }: Partial<RunConfig>): number {
  return viewsOf({ preset, datasetName, imageSize }).view1.cropSize;
}

/** Returns the accuracy at the file's step, which stands in an encoder's metadata or in the folder of the run. */
function accuracyLine(
  path: string,
  step: number,
  metadata: CheckpointDescription["metadata"],
): string {
  const stored = (metadata as { accuracy?: unknown } | null)?.accuracy;
  if (isEvaluation(stored)) return evaluationText(stored);
  const folder = runFolderOf(path);
  if (folder === undefined) return "unknown: the file does not lie in the folder of its run";
  try {
    const row = evaluationAt(folder.metricsFile, step);
    return row === undefined ? "unknown: no evaluation was made at this step" : evaluationText(row);
  } catch (error) {
    if (!isExpected(error)) throw error;
    return `unknown: ${error.message}`;
  }
}

function isEvaluation(stored: unknown): stored is EvalRow {
  const { epoch, knn_top1, top1, top5, tested } = (stored ?? {}) as Record<string, unknown>;
  return [epoch, knn_top1, top1, top5, tested].every((value) => typeof value === "number");
}
