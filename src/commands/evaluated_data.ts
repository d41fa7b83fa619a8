/** Opening of the images that `eval` and `embed` evaluate a checkpoint on. */

import { type OpenedData, openWhole, partsOf, splitsOfTraining } from "../data/open.ts";
import { noTestImages } from "../data/photo_folders.ts";
import { evaluatedHoldOut } from "../encoder/trained_hold_out.ts";
import { evaluatedLimit } from "../encoder/trained_limit.ts";
import type { CheckpointDescription } from "../native/checkpoint.ts";
import type { Origins, RunConfig } from "../options/config.ts";

/** Images of an evaluation. */
export interface EvaluatedData extends OpenedData {
  /** The options, with the number of training images and the held-out images that count. */
  config: RunConfig;
  /** Notes on these two. */
  notes: string[];
}

/**
 * Opens the images of an evaluation.
 *
 * @param parts.weights description of the checkpoint, whose `--limit_train` and `--hold_out` count for its own images
 * @throws UserError as openData() does; (checkpoint) for another --hold_out than the checkpoint's on its own images
 */
export async function openEvaluated(
  { config, origins }: { config: RunConfig; origins: Origins },
  { weights, splits = splitsOfTraining(config), ...options }:
    & { weights: CheckpointDescription }
    & Parameters<typeof openWhole>[1],
): Promise<EvaluatedData> {
  const { train, test } = await openWhole(config, { ...options, splits });
  using opened = new DisposableStack();
  for (const set of [train, test]) if (set !== undefined) opened.use(set);
  const parsed = { config, origins };
  const evaluated = { path: config.checkpoint ?? "", train: train.describe(), found: weights };
  const { holdOut, note: ofHoldOut } = evaluatedHoldOut(parsed, evaluated);
  const { limitTrain, note: ofLimit } = evaluatedLimit(parsed, evaluated);
  const counting = { ...config, holdOut, limitTrain };
  const isTested = splits === "train" || test !== undefined || holdOut !== null;
  if (!isTested) throw noTestImages(config);
  opened.move();
  return {
    ...partsOf({ train, test }, { config: counting, splits }),
    config: counting,
    notes: [ofHoldOut, ofLimit].filter((note) => note !== undefined),
  };
}
