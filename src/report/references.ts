/** Published accuracies, for the table beside a run's own. */

import type { RunConfig } from "../options/config.ts";

/** A published result, in percent. */
export interface Reference {
  what: string;
  top1: number;
  top5?: number;
  knn?: number;
}

const CIFAR: readonly Reference[] = [
  { what: "unofficial reference, ResNet-18", top1: 91.1, top5: 99.8 },
  { what: "the reference program, ResNet-18, 800 epochs", top1: 91.92, top5: 99.69 },
  { what: "the same author's later table, same settings", top1: 90.44, top5: 99.62 },
  { what: "solo-learn BYOL, ResNet-18, 1000 epochs, online probe", top1: 92.58, top5: 99.79 },
];
const IMAGENET: readonly Reference[] = [
  { what: "Grill et al. 2020, ResNet-50, 1000 epochs", top1: 74.3, top5: 91.6 },
  { what: "the reference program, ResNet-50, 1000 epochs", top1: 74.03, top5: 91.51 },
  { what: "Grill et al. 2020, ResNet-50, 300 epochs", top1: 72.5 },
];

/** Returns the published results on a run's data set; none for demo and for folders of images. */
export function referencesFor(config: Pick<RunConfig, "datasetName">): readonly Reference[] {
  if (config.datasetName === "cifar10") return CIFAR;
  return config.datasetName === "imagenet" ? IMAGENET : [];
}
