/** Opening, checking and sharding of a training's images. */

import { join } from "node:path";
import { ExitCode, UserError } from "../../base/exit_codes.ts";
import { BadFileRecord } from "../../data/bad_files.ts";
import type { openData } from "../../data/open.ts";
import { classNotes } from "../../evaluate/class_notes.ts";
import type { Dataset } from "../../native/dataset.ts";
import {
  comparedText,
  type DataRecord,
  dataRecordOf,
  type DescribedImages,
  differsFromPublished,
  foundLines,
} from "../../run/data_record.ts";
import { keepSheet } from "../../run/view_sheet.ts";
import type { Invocation } from "./invocation.ts";

/** List of bad files on ranks above 0, which write nothing. */
const NULL_RECORD: Pick<BadFileRecord, "update"> & Disposable = {
  update() {},
  [Symbol.dispose]() {},
};

/** Fields of TrainingInputs. */
interface Opened {
  train: Dataset;
  test: Dataset | undefined;
  heldOut: Dataset | undefined;
  described: DescribedImages;
  data: DataRecord;
  warnings: readonly string[];
  notes: readonly string[];
  badFiles: Pick<BadFileRecord, "update">;
  held: DisposableStack;
}

/** The open images of a training. */
export class TrainingInputs implements Disposable {
  /** The training images, sharded by rank. */
  readonly train: Dataset;
  /** The test images; undefined where nothing is evaluated, and where held-out images are evaluated alone. */
  readonly test: Dataset | undefined;
  /** The images of --hold_out; undefined without it, and where nothing is evaluated. */
  readonly heldOut: Dataset | undefined;
  /** Description of the images. */
  readonly described: DescribedImages;
  /** Record of the images, for config.json and checkpoints. */
  readonly data: DataRecord;
  /** Warnings about the files, without repetitions. */
  readonly warnings: readonly string[];
  /** Notes on the accuracies, which are among the warnings. */
  readonly notes: readonly string[];
  /** The list of unusable image files. */
  readonly badFiles: Pick<BadFileRecord, "update">;
  readonly #held: DisposableStack;

  private constructor({ held, ...opened }: Opened) {
    this.train = opened.train;
    this.test = opened.test;
    this.heldOut = opened.heldOut;
    this.described = opened.described;
    this.data = opened.data;
    this.warnings = opened.warnings;
    this.notes = opened.notes;
    this.badFiles = opened.badFiles;
    this.#held = held;
  }

  /**
   * Opens the images, on rank 0 first, and draws the contact sheet of a run without one.
   *
   * @param parts.compare refuses images other than the run's; called before anything is written to the run folder
   * @throws UserError (data) where images are missing, damaged, or differ from rank 0's; (usage) where a batch holds
   * more images than there are
   */
  static async open(
    invocation: Invocation,
    { open, compare }: { open: typeof openData; compare: (images: DescribedImages) => void },
  ): Promise<TrainingInputs> {
    const { ranks, config, device, folder, warn, interrupt } = invocation;
    using held = new DisposableStack();
    const data = await ranks.rankZeroFirst(() =>
      open(config, { device, signal: interrupt.signal })
    );
    const train = held.use(data.train);
    const test = held.use(data.test);
    const heldOut = held.use(data.heldOut);
    const description = train.describe();
    const tested = test?.describe();
    const all = [description, ...tested === undefined ? [] : [tested]];
    const described = { train: description, test: tested };
    const record = dataRecordOf(config.datasetName, described);
    showFound(record, invocation);
    const notes = test === undefined && heldOut === undefined
      ? []
      : classNotes(description.classes, { hasTop5: true });
    const warnings = [...new Set([...all.flatMap((one) => one.warnings), ...notes])];
    for (const line of warnings) warn(line);
    requireBatch(description.count, config.batchSize);
    compare(described);
    const list = join(folder.path, "bad_files.json");
    const badFiles = held.use(
      ranks.rankZeroOnly(() => new BadFileRecord(list, { train, test, held_out: heldOut }, warn)) ??
        NULL_RECORD,
    );
    // The sheet shows a whole batch, and is drawn before the images are sharded.
    ranks.rankZeroOnly(() => keepSheet(folder, { train, config, warn }));
    ranks.shard(train, config.accumulateSteps);
    await ranks.requireSame("images", description.digest);
    const opened = { train, test, heldOut, described, data: record, warnings, notes, badFiles };
    return new TrainingInputs({ ...opened, held: held.move() });
  }

  /** Closes the images. */
  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/** Shows what was found, and a difference from the published images. */
function showFound(record: DataRecord, { config, warn }: Invocation): void {
  for (const line of foundLines(record.found ?? {}, record.heldOut)) warn(line);
  // CIFAR-10's files have warnings of their own.
  if (config.datasetName !== "imagenet" || !differsFromPublished("imagenet", record)) return;
  warn(`The images are ${comparedText("imagenet", record)}`);
}

/** Refuses a batch that holds more images than there are. @throws UserError (usage) */
export function requireBatch(images: number, batchSize: number): void {
  if (batchSize <= images) return;
  throw new UserError(
    `Cannot train with --batch_size=${batchSize}: expected at most the ${images} training images`,
    ExitCode.usage,
  );
}
