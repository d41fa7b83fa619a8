/** Opening of the images that `eval` and `embed` evaluate a checkpoint on. */

import { limitTraining } from "../data/limit.ts";
import { openData } from "../data/open.ts";
import { evaluatedLimit } from "../encoder/trained_limit.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { Dataset } from "../native/dataset.ts";
import type { Origins, RunConfig } from "../options/config.ts";

/** Images of an evaluation. */
export interface EvaluatedData {
  train: Dataset;
  /** The test images; undefined where they are not asked for. */
  test: Dataset | undefined;
  /** The options, with the number of training images that counts. */
  config: RunConfig;
  /** Notes on that number. */
  notes: string[];
}

/**
 * Opens the images of an evaluation.
 *
 * @param parts.weights description of the checkpoint, whose `--limit_train` counts for its own images alone
 * @throws UserError as openData() does
 */
export async function openEvaluated(
  { config, origins }: { config: RunConfig; origins: Origins },
  { weights, ...options }: { weights: CheckpointDescription } & Parameters<typeof openData>[1],
): Promise<EvaluatedData> {
  const { train, test } = await openData({ ...config, limitTrain: null }, options);
  try {
    const asked = { config, origins };
    const { limitTrain, note } = evaluatedLimit(asked, { train: train.describe(), found: weights });
    const limited = { ...config, limitTrain };
    limitTraining(train, limited);
    return { train, test, config: limited, notes: note === undefined ? [] : [note] };
  } catch (error) {
    train.close();
    test?.close();
    throw error;
  }
}
