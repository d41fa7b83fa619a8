/**
 * Pilots of `--preset=cifar10_cpu`: variants of the recipe on real CIFAR-10 images, paired by seed with the preset itself.
 *
 *   deno task bench pilots --data_dir=DIR --variant="--batch_size=128" [--variant=…] [--seeds=3] [--images=10000]
 *     [--epochs=10] [--keep=DIR]
 *
 * A variant is the options that it changes, with spaces between them. DIR holds CIFAR-10's binary files. Accuracies are on
 * its test_batch.bin, whatever images that file holds. Other options go to every training. Effects below two points mean
 * nothing with so few images.
 */

import { meanAndDeviation } from "../src/base/statistics.ts";
import {
  differenceText,
  type Outcome,
  outcomeOf,
  type ShortRunSettings,
  shortRunSettings,
} from "./short_runs.ts";

/** Prints a row for each variant, the preset first, and each one's difference from the preset. */
export async function bench(args: string[]): Promise<void> {
  const isVariant = (arg: string): boolean => arg.startsWith("--variant=");
  const variants = args.filter(isVariant).map((arg) => arg.slice("--variant=".length));
  const settings = shortRunSettings(args.filter((arg) => !isVariant(arg)));
  console.log(`${settings.images} images, ${settings.epochs} epochs, ${settings.seeds} seeds`);
  console.log("| variant | steps | seconds a run | k-NN | probe |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  const preset = await outcomesOf(settings, "");
  show("the preset", preset);
  const found = new Map<string, Outcome[]>();
  for (const variant of variants) {
    const outcomes = await outcomesOf(settings, variant);
    found.set(variant, outcomes);
    show(variant, outcomes);
  }
  for (const [variant, outcomes] of found) {
    for (const field of ["knn", "probe"] as const) {
      const differences = outcomes.map((one, seed) => one[field] - preset[seed]![field]);
      console.log(`${variant}, ${field}: ${differenceText(differences)}`);
    }
  }
}

async function outcomesOf(settings: ShortRunSettings, variant: string): Promise<Outcome[]> {
  const options = variant.split(" ").filter((word) => word !== "");
  const outcomes: Outcome[] = [];
  for (let seed = 0; seed < settings.seeds; seed++) {
    outcomes.push(await outcomeOf(settings, { seed, epochs: settings.epochs, options }));
  }
  return outcomes;
}

/** Prints means over the seeds with their standard deviations. */
function show(variant: string, outcomes: readonly Outcome[]): void {
  const spread = (of: (one: Outcome) => number): string => {
    const { mean, deviation } = meanAndDeviation(outcomes.map(of));
    return `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
  };
  const seconds = meanAndDeviation(outcomes.map((one) => one.seconds)).mean.toFixed(0);
  const cells = [outcomes[0]!.steps, seconds, spread((one) => one.knn), spread((one) => one.probe)];
  console.log(`| ${[variant, ...cells].join(" | ")} |`);
}
