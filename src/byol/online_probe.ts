/** The online probe of a run: a linear classifier trained on the embeddings of each step, beside the encoder. */

import type { DatasetDescription } from "../native/dataset.ts";
import type { Learner, ProbeRates } from "../native/learner.ts";

/** Rates that suit every encoder: the probe learns from embeddings of mean square length 1. */
const RATES: Readonly<ProbeRates> = { learningRate: 0.5, momentum: 0.9 };

/**
 * Adds an online probe to a learner where `onlineProbe` is true and the images have labels.
 *
 * @param options.warn shows a warning where the images have no labels
 * @returns rates of the probe, constant over the run; undefined where no probe was added
 */
export function addOnlineProbe(
  learner: Learner,
  { onlineProbe }: { onlineProbe: boolean },
  { classes, warn }: Pick<DatasetDescription, "classes"> & { warn: (line: string) => void },
): Readonly<ProbeRates> | undefined {
  if (!onlineProbe) return undefined;
  if (classes < 2) {
    warn(
      "Cannot train an online probe on images without labels: expected a folder for each class; this run has no " +
        "online probe (--online_probe=false avoids this warning)",
    );
    return undefined;
  }
  learner.addProbe(classes);
  return RATES;
}
