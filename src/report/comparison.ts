/** The comparison of two groups of runs, paired by their seeds. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import { standardError } from "../base/statistics.ts";
import { differenceBetween, type EvaluatedRun, groupsOf, haveMean } from "../run/groups.ts";
import { type Paired, pairedStatistics } from "./paired.ts";

/** A run with what a comparison looks at. */
export interface ComparedRun extends EvaluatedRun {
  /** Name of the run, for messages. */
  name: string;
}

/** Accuracies that are compared, with their names. */
export const COMPARED_ACCURACIES = { knn_top1: "k-NN top-1", top1: "probe top-1" } as const;

/** The name of a compared accuracy. */
export type AccuracyName = keyof typeof COMPARED_ACCURACIES;

/** One accuracy of two groups over the seeds that both have, in percent; differences are B − A, in points. */
export interface ComparedAccuracy extends Paired {
  meanOfA: number;
  meanOfB: number;
  /** Binomial standard error of one accuracy on the test set; null where the number of images is unknown. */
  testNoise: number | null;
}

/** Two groups compared. */
export interface Comparison {
  /** The seeds that both groups have, ascending. */
  seeds: number[];
  /** Seeds that one group alone has, which are left out. */
  unpaired: { a: number[]; b: number[] };
  /** The options in which B differs from A, in words. */
  differences: string;
  /** Number of test images; null where the runs do not tell it. */
  tested: number | null;
  /** "held-out" where the accuracies are those of held-out images: there are no test images. */
  tested_on: "test" | "held-out";
  accuracies: Record<AccuracyName, ComparedAccuracy>;
}

/**
 * Compares two groups of runs.
 *
 * @throws UserError (runFolder) where a side is no group of evaluated runs with seeds of their own, where both are the
 * same recipe, and for fewer than two common seeds
 */
export function compared(a: readonly ComparedRun[], b: readonly ComparedRun[]): Comparison {
  requireGroup("A", a);
  requireGroup("B", b);
  const [one] = a;
  const [other] = b;
  if (groupsOf([...a, ...b]).length === 1) {
    throw refused("A and B are runs of the same recipe and data: expected a difference");
  }
  const [inA, inB] = [bySeed(a), bySeed(b)];
  const seeds = [...inA.keys()].filter((seed) => inB.has(seed)).sort((x, y) => x - y);
  if (seeds.length < 2) {
    throw refused(
      `A has the seeds ${listed(inA)} and B has ${listed(inB)}: expected two common seeds or more`,
    );
  }
  const accuracies = Object.fromEntries(
    (Object.keys(COMPARED_ACCURACIES) as AccuracyName[]).map((name) =>
      [name, comparedAccuracy(name, { seeds, inA, inB })] as const
    ),
  ) as Record<AccuracyName, ComparedAccuracy>;
  return {
    seeds,
    unpaired: {
      a: [...inA.keys()].filter((seed) => !inB.has(seed)),
      b: [...inB.keys()].filter((seed) => !inA.has(seed)),
    },
    differences: differenceBetween(one!, other!, { sides: ["in A", "in B"] }),
    tested: one!.evaluations.at(-1)?.tested ?? null,
    tested_on: one!.evaluations.at(-1)?.tested_on ?? "test",
    accuracies,
  };
}

function comparedAccuracy(
  name: AccuracyName,
  { seeds, inA, inB }: {
    seeds: readonly number[];
    inA: ReadonlyMap<number, ComparedRun>;
    inB: ReadonlyMap<number, ComparedRun>;
  },
): ComparedAccuracy {
  const valuesOf = (runs: ReadonlyMap<number, ComparedRun>): number[] =>
    seeds.map((seed) => runs.get(seed)!.evaluations.at(-1)![name]);
  const [ofA, ofB] = [valuesOf(inA), valuesOf(inB)];
  const [meanOfA, meanOfB] = [ofA, ofB].map((values) =>
    values.reduce((sum, one) => sum + one, 0) / values.length
  ) as [number, number];
  const tested = inA.get(seeds[0]!)!.evaluations.at(-1)!.tested;
  return {
    meanOfA,
    meanOfB,
    ...pairedStatistics(ofB.map((value, at) => value - ofA[at]!)),
    testNoise: tested === undefined ? null : standardError((meanOfA + meanOfB) / 2, tested),
  };
}

/** Checks that runs are a group: equal in every option that changes a result, but the seed. */
function requireGroup(name: string, runs: readonly ComparedRun[]): void {
  const groups = groupsOf(runs);
  if (groups.length > 1) {
    const [one, other] = groups;
    throw refused(
      `the runs of ${name} differ in more than the seed (${one![0]!.name} and ${other![0]!.name}: ${
        differenceBetween(one![0]!, other![0]!)
      }): expected runs of one recipe`,
    );
  }
  const missing = runs.filter(({ evaluations }) => evaluations.length === 0);
  if (missing.length > 0) {
    throw refused(
      `${missing.map((run) => run.name).join(", ")} of ${name} has no evaluation: expected one ` +
        "(--clsf_every, or a finished run)",
    );
  }
  if (runs.length < 2) {
    throw refused(`${name} is a single run: expected two or more, with seeds of their own`);
  }
  if (!haveMean(runs)) {
    throw refused(`two runs of ${name} have the same seed: expected seeds of their own`);
  }
}

function bySeed(runs: readonly ComparedRun[]): Map<number, ComparedRun> {
  return new Map(runs.flatMap((run) => run.record === null ? [] : [[run.record.config.seed, run]]));
}

function listed(runs: ReadonlyMap<number, ComparedRun>): string {
  return [...runs.keys()].sort((x, y) => x - y).join(", ");
}

function refused(why: string): UserError {
  return new UserError(`Cannot compare: ${why}`, ExitCode.runFolder);
}
