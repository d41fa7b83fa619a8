/** Published accuracies, for the table beside a run's own. */

import type { RunConfig } from "../options/config.ts";

/** A published result, in percent. */
export interface Reference {
  what: string;
  network: RunConfig["resnetType"];
  top1: number;
  top5?: number;
  knn?: number;
}

const CIFAR: readonly Reference[] = [
  { what: "unofficial reference", network: "resnet18", top1: 91.1, top5: 99.8 },
  { what: "the reference program, 800 epochs", network: "resnet18", top1: 91.92, top5: 99.69 },
  {
    what: "the same author's later table, same settings",
    network: "resnet18",
    top1: 90.44,
    top5: 99.62,
  },
  {
    what: "solo-learn BYOL, 1000 epochs, online probe",
    network: "resnet18",
    top1: 92.58,
    top5: 99.79,
  },
];
const IMAGENET: readonly Reference[] = [
  { what: "Grill et al. 2020, 1000 epochs", network: "resnet50", top1: 74.3, top5: 91.6 },
  { what: "the reference program, 1000 epochs", network: "resnet50", top1: 74.03, top5: 91.51 },
  { what: "Grill et al. 2020, 300 epochs", network: "resnet50", top1: 72.5 },
];

/**
 * Returns the published results on a run's data set by its network, in `alike`, and by other networks, in `others`. There
 * are none for demo and for folders of images.
 */
export function referencesFor(
  { datasetName, resnetType }: Pick<RunConfig, "datasetName" | "resnetType">,
): { alike: readonly Reference[]; others: readonly Reference[] } {
  const all = datasetName === "cifar10" ? CIFAR : datasetName === "imagenet" ? IMAGENET : [];
  return {
    alike: all.filter(({ network }) => network === resnetType),
    others: all.filter(({ network }) => network !== resnetType),
  };
}
