/** `embed`: writes the embeddings of a data set's images, with labels and names, as a file for other programs. */

import { counted } from "../base/counted.ts";
import { dirname, join } from "node:path";
import { parseCommandLine, type ParsedCommandLine } from "../options/parse.ts";
import type { RunConfig } from "../options/config.ts";
import { environmentOfOne } from "../options/environment.ts";
import { describeOrThrow, weightsFileOf } from "../run/checkpoint.ts";
import { foundText } from "../run/data_record.ts";
import { BadFileRecord, besideFile } from "../data/bad_files.ts";
import { deviceOf, openDevice } from "../runtime/device.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { EMBED } from "../options/commands/embed.ts";
import { readCommand } from "../options/commands/registry.ts";
import { FEATURE_FORMATS, type FeatureSink } from "../evaluate/feature_files.ts";
import { Interrupt, interrupted } from "../runtime/interrupt.ts";
import { shardedBatches } from "../evaluate/linear.ts";
import type { Dataset, FoundImages } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { setThreads } from "../native/core.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { readTensors } from "../base/safetensors.ts";
import { Progress, stderrTerminal } from "../base/terminal.ts";
import { printLine, showLine } from "../base/output.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { withEvaluationAdvice } from "./memory_advice.ts";
import { openEvaluated } from "./evaluated_data.ts";
import { transferred } from "../encoder/transfer.ts";
import { configurationOf, encoderNote, loadEncoder } from "../encoder/weights_file.ts";

/**
 * Embeds the images of a split and writes the embeddings.
 *
 * @returns the exit code
 * @throws UserError for options and checkpoints that eval refuses, and for a file that cannot be written
 */
export async function main(args: readonly string[]): Promise<number> {
  const request = readRequest(args);
  try {
    return await embedTo(request);
  } catch (error) {
    throw withEvaluationAdvice(error, withoutProbe(request.config));
  }
}

async function embedTo(
  { path, split, config: given, origins, notes, weights }: Request,
): Promise<number> {
  notes.forEach(showLine);
  const checkpoint = given.checkpoint ?? "";
  const taken = encoderNote(checkpoint, weights);
  if (taken !== undefined) showLine(taken);
  using interrupt = new Interrupt();
  interrupt.watchCalls();
  const device = deviceOf(given, SINGLE_PROCESS);
  openDevice(given, device);
  setThreads(given.threads, device);
  // The training images of a folder can be embedded without test images.
  const splits = split === "train" ? "train" : "train and test";
  const wanted = { splits, device, signal: interrupt.signal, weights } as const;
  const data = await openEvaluated({ config: given, origins }, wanted);
  const { config } = data;
  using trainImages = data.train;
  using testImages = data.test;
  using heldOut = data.heldOut;
  if (split !== "test") data.notes.forEach(showLine);
  const dataset = { train: trainImages, test: testImages, held_out: heldOut }[split];
  if (dataset === undefined) throw noSuchSplit(split, config);
  const { found, warnings } = dataset.describe();
  [foundText(found), ...warnings].forEach(showLine);
  requireLines(path, found);
  using badFiles = new BadFileRecord(besideFile(path), { [split]: dataset }, showLine);
  const { learner: made, config: seen } = transferred(config, { found: weights, device });
  using learner = made;
  loadEncoder(learner, checkpoint);
  let files: string[];
  let images: number;
  try {
    using sink = openSink(path, dataset.describe().classNames);
    images = await embedAll(dataset, { learner, config: seen, interrupt, path }, sink).catch(
      (error) => {
        throw withEvaluationAdvice(error, withoutProbe(seen));
      },
    );
    files = sink.finish();
    badFiles.update();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError(`Cannot write ${path}: ${error.message}`, ExitCode.save);
  }
  printLine(
    config.format === "json"
      ? JSON.stringify({ images, features: learner.features(), files })
      : `Wrote embeddings of ${counted(images, "image")}, ${learner.features()} numbers each, to ${
        files.join(", ")
      }`,
  );
  return ExitCode.ok;
}

/** Returns the options of an evaluation that, as embedding does, trains no probe. */
function withoutProbe(config: RunConfig): RunConfig {
  return { ...config, protocol: "knn" };
}

interface Request extends ParsedCommandLine {
  /** Path of the output (`--out`). */
  path: string;
  split: "train" | "test" | "held_out";
  /** Description of the checkpoint. */
  weights: CheckpointDescription;
}

/** Reads the command line and describes the checkpoint. @throws UserError as eval does; (usage) for several ranks */
function readRequest(args: readonly string[]): Request {
  const { own: { out: path, split }, rest } = readCommand(EMBED, args);
  // The checkpoint is described only once, because the description reads the whole file.
  const described: CheckpointDescription[] = [];
  const parsed = parseCommandLine("eval", rest, {
    ...environmentOfOne(),
    weightsFileOf,
    checkpointConfig: (path) => {
      const found = describeOrThrow(path);
      described.push(found);
      return configurationOf(path, found);
    },
  });
  const { ranks } = parsed.config;
  if (ranks > 1) throw usageError(`Cannot embed on --ranks=${ranks}: expected one rank`);
  return { ...parsed, path, split, weights: described[0]! };
}

/** Returns the error for a split that the data set does not have. */
function noSuchSplit(
  split: Request["split"],
  { dataDir, datasetName }: Pick<RunConfig, "dataDir" | "datasetName">,
): UserError {
  return split === "held_out"
    ? usageError(
      "Cannot embed --split=held_out: the checkpoint names no held-out images, expected a run with --hold_out",
    )
    : new UserError(
      `Cannot embed --split=test of ${dataDir ?? datasetName}: expected val/ with class folders`,
      ExitCode.data,
    );
}

/** Refuses names that are several lines of the file of names. @throws UserError (data) */
function requireLines(path: string, { place, lineEnd }: FoundImages): void {
  if (lineEnd === undefined || !path.endsWith(".npy")) return;
  throw new UserError(
    `Cannot list the names of ${place} for ${path}, one a line: ${
      JSON.stringify(lineEnd)
    } holds a line end, ` +
      "expected names without: rename it, or give --out=FILE.parquet",
    ExitCode.data,
  );
}

function openSink(path: string, classNames: string[]): FeatureSink {
  const [, open] = Object.entries(FEATURE_FORMATS).find(([ending]) => path.endsWith(ending))!;
  return open(path, classNames);
}

interface Embedding {
  learner: Learner;
  config: RunConfig;
  interrupt: Interrupt;
  /** Path of the output; the temporary files of the Rust core are written beside it. */
  path: string;
}

/** Embeds all images and appends the rows to `sink`. @returns the number of usable images */
async function embedAll(
  dataset: Dataset,
  { learner, config, interrupt, path }: Embedding,
  sink: FeatureSink,
): Promise<number> {
  const { count } = dataset.describe();
  dataset.setProbe(config.probeBatchSize, evaluationOptions(config).transforms);
  const folder = await Deno.makeTempDir({ dir: dirname(path), prefix: ".byol-embed-" });
  using progress = new Progress(stderrTerminal(), { label: "embedding", total: count });
  let images = 0;
  try {
    const file = join(folder, "batch.safetensors");
    for (const { start, size } of shardedBatches(count, SINGLE_PROCESS)) {
      dataset.makeCenterCrops(start, size);
      learner.writeEmbeddings(dataset, file);
      const tensors = readTensors(file);
      const { shape: [, width = 0], values } = tensors.get("features")!;
      const labels = Array.from(tensors.get("labels")!.values as BigInt64Array, Number);
      // The batch holds no unusable photos.
      const bad = new Set(dataset.badFiles().map(([index]) => index));
      const names = dataset.names(start, size).filter((_, at) => !bad.has(start + at));
      if (names.length !== labels.length) {
        throw new Error(`${names.length} names for ${labels.length} embeddings from ${start}`);
      }
      sink.append({ features: Float32Array.from(values as Float32Array), width, labels, names });
      images += labels.length;
      progress.update(start + size);
      await yieldToEvents();
      if (interrupt.requested) throw interrupted("before the embeddings were written");
    }
    return images;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
