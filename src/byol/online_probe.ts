/** The online monitor of a run: a linear probe that learns beside the encoder, and when there is one. */

import type { DatasetDescription } from "../native/dataset.ts";
import type { Learner, ProbeRates } from "../native/learner.ts";

/** It learns from embeddings of mean square length 1 (native/src/online_probe.rs), so that no encoder needs its own. */
const RATES: Readonly<ProbeRates> = { learningRate: 0.5, momentum: 0.9 };

/**
 * Gives a learner its online probe, where one is asked for and there are labels to learn from.
 *
 * @param options.warn hears why there is none
 * @returns what the probe learns by, constant over the run; undefined where there is none
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
