/** The result of `eval` as text: JSON, or a sentence for each set of images. */

import { type ByClass, byClass } from "../evaluate/by_class.ts";
import { fewNeighbours } from "../evaluate/class_notes.ts";
import type { OnAllSets } from "../evaluate/tested.ts";
import type { RunConfig } from "../options/config.ts";
import { neighboursOf } from "../recipes/neighbours.ts";
import { STRENGTHS } from "../recipes/probe.ts";
import { accuracyText, testedText } from "../run/accuracy_text.ts";
import type { SetName } from "../run/metrics.ts";

/** Accuracies in percent on one set of images; a protocol lacks the accuracies that it does not measure. */
interface SetEvaluated {
  knn_top1?: number;
  /** Accuracies of the k-NN classifiers that --knn names. */
  knn?: { k: number; temperature: number; top1: number }[];
  top1?: number;
  top5?: number;
  tested: number;
  /** Numbers of images, a row for each true class, a column for each answer; absent for too many classes. */
  confusion?: number[][];
  /** Number of training images of the smallest class, for k-NN. */
  smallest_class?: number;
}

/** Results of an evaluation. */
export interface Evaluated extends OnAllSets<SetEvaluated> {
  classes?: number;
  details?: Record<string, number>;
}

/** Returns the result in the form of --format: JSON, or a sentence for each set of images. */
export function resultText(
  config: RunConfig,
  found: Evaluated,
  classNames: readonly string[],
): string {
  const { protocol, labelFraction: label_fraction } = config;
  const { held_out, ...rest } = found;
  const all = {
    ...withClasses(rest, classNames),
    ...held_out && { held_out: withClasses(held_out, classNames) },
  };
  return config.format === "json"
    ? JSON.stringify({ protocol, label_fraction, ...all })
    : sentences(config, all);
}

/** Returns a note where a classifier asks for more neighbours than the smallest class has images. */
export function neighboursNote(
  { knn }: Pick<RunConfig, "knn">,
  { smallest_class: smallest }: Pick<SetEvaluated, "smallest_class">,
): string | undefined {
  return fewNeighbours(smallest, "give as well --knn=", neighboursOf(knn));
}

/** Returns a note where logistic regression has chosen the weakest or the strongest penalty, beyond which none was tried. */
export function strengthNote({ details }: Pick<Evaluated, "details">): string | undefined {
  const chosen = details?.l2_strength;
  const edges = [["strongest", STRENGTHS[0]], ["weakest", STRENGTHS.at(-1)]] as const;
  const edge = edges.find(([, strength]) => strength === chosen)?.[0];
  if (chosen === undefined || edge === undefined) return undefined;
  return `The best penalty on held-out images, ${
    strengthText(chosen)
  }, is the ${edge} of the ${STRENGTHS.length} tried: ` +
    `a ${edge === "weakest" ? "weaker" : "stronger"} one may be better`;
}

function strengthText(strength: number): string {
  return String(Number(strength.toPrecision(3)));
}

type WithClasses<Set> = Omit<Set, "confusion" | "smallest_class"> & Partial<ByClass>;

function withClasses<Set extends SetEvaluated>(
  { confusion, smallest_class: _, ...set }: Set,
  classNames: readonly string[],
): WithClasses<Set> {
  return { ...set, ...confusion && byClass(confusion, classNames) };
}

function sentences(
  config: RunConfig,
  found: WithClasses<Evaluated> & { held_out?: WithClasses<SetEvaluated> },
): string {
  const { classes, details, held_out: heldOut, tested_on: on } = found;
  const shared = { ...classes !== undefined && { classes }, ...details && { details } };
  return [
    ...on === "held-out" ? [] : [sentenceOn("test", config, { ...found, ...shared })],
    ...heldOut === undefined ? [] : [sentenceOn("held-out", config, { ...heldOut, ...shared })],
  ].join("\n");
}

/** Returns the result on a set of images, which names fine-tuning and a share of labels below 100 %. */
function sentenceOn(
  on: SetName,
  { protocol, labelFraction }: RunConfig,
  set: WithClasses<SetEvaluated> & Pick<Evaluated, "classes" | "details">,
): string {
  const { knn, knn_top1, top1, top5, tested, classes } = set;
  const strength = set.details?.l2_strength ?? 0;
  const what = {
    ...{
      linear: "linear probe",
      clipped: "linear probe (clipped logits)",
      knn: "k-NN",
      finetune: "fine-tuned",
    },
    logreg: `logistic regression (penalty ${strengthText(strength)})`,
  }[protocol];
  const neighbours =
    knn?.map(({ k, temperature, top1 }) =>
      `k-NN (${k}, T ${temperature}) ${accuracyText(top1, tested)} %`
    ) ?? (knn_top1 === undefined ? [] : [`k-NN ${accuracyText(knn_top1, tested)} %`]);
  const figures = [
    ...neighbours,
    ...top1 === undefined || top5 === undefined
      ? []
      : [`${what} top-1 ${accuracyText(top1, tested)} %, top-5 ${accuracyText(top5, tested)} %`],
    ...isUneven(set) ? [`mean of the classes ${set.balanced_top1!.toFixed(2)} %`] : [],
  ].join(", ");
  const labels = labelFraction === 100 ? "" : `, with ${labelFraction} % of the labels`;
  const counts = { tested, ...classes !== undefined && { classes } };
  return `${figures}${labels} (${testedText(counts, { hasTop5: top5 !== undefined, on })})`;
}

/** Returns true where the classes have different numbers of tested images. */
function isUneven({ per_class: classes = [] }: Partial<ByClass>): boolean {
  return new Set(classes.map(({ tested }) => tested)).size > 1;
}
