/** The online probe of a run: a linear probe that learns beside the encoder. */

import type { DatasetDescription } from "../native/dataset.ts";
import type { Learner, ProbeRates } from "../native/learner.ts";

/** Rates that suit every encoder: the probe learns from embeddings of mean square length 1. */
const RATES: Readonly<ProbeRates> = { learningRate: 0.5, momentum: 0.9 };

/**
 * Adds an online probe to a learner, where the options ask for one and there are labels to learn from.
 *
 * @param options.warn shows the reason where there is none
 * @returns rates of the probe, constant over the run; undefined where there is none
 */
export function addOnlineProbe(
  learner: Learner,
  { onlineProbe }: { onlineProbe: boolean },
  { classes, warn }: Pick<DatasetDescription, "classes"> & { warn: (line: string) => void },
): Readonly<ProbeRates> | undefined {
  if (!onlineProbe) return undefined;
  if (classes < 2) {
    warn(
      "There is no online probe in this run: the images have no labels, expected a folder for " +
        "each class (--online_probe=false says so beforehand)",
    );
    return undefined;
  }
  learner.addProbe(classes);
  return RATES;
}
