/** `embed`: the embeddings of a data set's images, with labels and names, as a file for other programs. */

import { dirname, extname, join } from "node:path";
import { parseCommandLine } from "../options/parse.ts";
import type { RunConfig } from "../options/config.ts";
import { thisEnvironment } from "../options/environment.ts";
import { describeOrThrow } from "../run/checkpoint.ts";
import { openData } from "../data/open.ts";
import { openDevice } from "../runtime/device.ts";
import { yieldToEvents } from "../base/event_loop.ts";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { FEATURE_FORMATS, type FeatureSink } from "../evaluate/feature_files.ts";
import { Interrupt, interrupted } from "../runtime/interrupt.ts";
import { shardedBatches } from "../evaluate/linear.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Learner } from "../native/learner.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import { setThreads } from "../native/core.ts";
import { SINGLE_PROCESS } from "../runtime/rank.ts";
import { readTensors } from "../base/safetensors.ts";
import { Progress, stderrTerminal } from "../base/terminal.ts";
import { evaluationOptions } from "../evaluate/options.ts";
import { transferred } from "../encoder/transfer.ts";
import { configurationOf, encoderNote } from "../encoder/weights_file.ts";

/** The text of `embed --help`. */
export const EMBED_HELP =
  `Embeds images by a checkpoint's encoder and writes the embeddings with labels and names.

  deno task embed --checkpoint=FILE --out=features.npy
  deno task embed --checkpoint=FILE --dataset_name=folder --data_dir=DIR --out=features.parquet
  deno task embed --checkpoint=FILE --split=test --out=test.npy

  --out=PATH
      The file to write, by its ending. Required.
      .npy      embeddings [images, features] in float32; beside it PATH.labels.npy [images] in int64 and
                PATH.names.txt, a line an image
      .parquet  one table with the columns name, label, class and embedding (a list of floats)
  --split={train,test}
      Which images. A folder without val/ has train alone. Default: train

Images are seen as in evaluation: in the data set's order, by the test transform, without augmentation. A name is the
path below the folder of the photos, or the image's number. A photo that cannot be used is left out.

Beside these it takes the options of eval (deno task eval --help): checkpoint, data set, threads.`;

/**
 * Embeds and writes.
 *
 * @returns the exit code
 * @throws UserError for what eval would refuse, another ending of the file, and a file that cannot be written
 */
export async function embedCommand(args: readonly string[]): Promise<number> {
  const { own, rest } = takeOwn(args);
  const path = own.get("out") ?? "";
  const open = FEATURE_FORMATS[extname(path)];
  if (open === undefined) {
    throw new UserError(
      `Cannot write embeddings to --out=${path}: expected a name that ends in ${
        Object.keys(FEATURE_FORMATS).join(" or ")
      }`,
      ExitCode.usage,
    );
  }
  const split = own.get("split") ?? "train";
  if (split !== "train" && split !== "test") {
    throw new UserError(`Cannot embed --split=${split}: expected train or test`, ExitCode.usage);
  }
  // Described once: that reads the whole file.
  const described: CheckpointDescription[] = [];
  const { config, notes } = parseCommandLine("eval", rest, {
    ...thisEnvironment(),
    rankInfo: SINGLE_PROCESS,
    checkpointConfig: (path) => {
      const found = describeOrThrow(path);
      described.push(found);
      return configurationOf(path, found);
    },
  });
  if (config.ranks > 1) {
    throw new UserError(
      `Cannot embed on --ranks=${config.ranks}: expected one rank`,
      ExitCode.usage,
    );
  }
  notes.forEach((note) => console.error(note));
  const checkpoint = config.checkpoint ?? "";
  const weights = described[0]!;
  const taken = encoderNote(checkpoint, weights);
  if (taken !== undefined) console.error(taken);
  using interrupt = new Interrupt();
  interrupt.watchCalls();
  openDevice(config);
  setThreads(config.threads);
  // A folder to embed needs nothing beside it to evaluate on.
  const wanted = split === "train" ? { ...config, checkpoint: null, evalEveryEpochs: 0 } : config;
  const { train, test } = await openData(wanted, { signal: interrupt.signal });
  using trainImages = train;
  using testImages = test;
  const dataset = split === "train" ? trainImages : testImages!;
  dataset.describe().warnings.forEach((line) => console.error(line));
  const { learner: made, config: seen } = transferred(config, weights);
  using learner = made;
  try {
    learner.loadEncoder(checkpoint);
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.checkpoint);
  }
  let files: string[];
  let images: number;
  try {
    using sink = open(path, dataset.describe().classNames);
    images = await embedAll(dataset, { learner, config: seen, interrupt, path }, sink);
    files = sink.finish();
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw new UserError(`Cannot write ${path}: ${error.message}`, ExitCode.save);
  }
  console.log(
    config.format === "json"
      ? JSON.stringify({ images, features: learner.features(), files })
      : `Wrote embeddings of ${images} images, ${learner.features()} numbers each, to ${
        files.join(", ")
      }`,
  );
  return ExitCode.ok;
}

/** The command's own options, and those of eval. */
function takeOwn(args: readonly string[]): { own: Map<string, string>; rest: string[] } {
  const own = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const [, name, , value] = /^--(out|split)(=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) rest.push(arg);
    else own.set(name, value ?? args[++index] ?? "");
  }
  return { own, rest };
}

function isFileError(error: unknown): error is Error {
  return Object.values(Deno.errors).some((Type) => error instanceof Type) ||
    (error as { code?: unknown })?.code !== undefined &&
      typeof (error as { errno?: unknown }).errno === "number";
}

interface Embedding {
  learner: Learner;
  config: RunConfig;
  interrupt: Interrupt;
  /** The file that is written: the core's own is put beside it. */
  path: string;
}

/** @returns the images that could be used */
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
      // The batch holds no photo that cannot be used.
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
