/**
 * Sign test of the rotation auxiliary: its effect on the accuracy of ResNet-20 on real CIFAR-10 images, at equal steps and
 * at equal time. Every seed trains three times: without the auxiliary, with it for as many steps, and without it for the
 * time that the second run took. A difference is that of two runs of one seed; means over the seeds are printed with
 * their standard errors, whatever comes out.
 *
 *   deno task bench rotation --data_dir=DIR [--seeds=3] [--images=10000] [--epochs=10] [--weight=1.6] [--keep=DIR]
 *
 * DIR holds CIFAR-10's binary files. Accuracies are on its test_batch.bin, whatever images that file holds. Other options
 * go to every training. Effects below two points mean nothing with so few images.
 */

import { differenceText, type Outcome, outcomeOf, shortRunSettings } from "./short_runs.ts";

/** Prints a row for each training, and the two differences. */
export async function bench(args: string[]): Promise<void> {
  const weight = args.map((arg) => arg.match(/^--weight=(.+)$/)?.[1]).find(Boolean) ?? "1.6";
  const settings = shortRunSettings(args.filter((arg) => !arg.startsWith("--weight=")));
  const { seeds, epochs, images } = settings;
  const rotations = [`--rotation_weight=${weight}`];
  console.log(`${images} images, ${epochs} epochs, ${seeds} seeds, ${rotations}`);
  console.log("| seed | training | steps | seconds | k-NN | probe | rotations |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const found: Record<"plain" | "steps" | "time", Outcome>[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const plain = await outcomeOf(settings, { seed, epochs, options: [] });
    show(seed, "without", plain);
    const rotated = await outcomeOf(settings, { seed, epochs, options: rotations });
    show(seed, "with, as many steps", rotated);
    const longer = Math.max(1, Math.round(epochs * rotated.seconds / plain.seconds));
    const timed = await outcomeOf(settings, { seed, epochs: longer, options: [] });
    show(seed, `without, ${longer} epochs`, timed);
    found.push({ plain, steps: rotated, time: timed });
  }
  for (const [name, base] of [["steps", "plain"], ["time", "time"]] as const) {
    for (const field of ["knn", "probe"] as const) {
      const differences = found.map((one) => one.steps[field] - one[base][field]);
      console.log(`at equal ${name}, ${field}: ${differenceText(differences)}`);
    }
  }
}

function show(seed: number, training: string, outcome: Outcome): void {
  const { knn, probe, steps, seconds, rotation } = outcome;
  const cells = [knn, probe, rotation].map((value) => value === undefined ? "" : value.toFixed(2));
  console.log(
    `| ${[seed, training, steps, seconds.toFixed(0), ...cells].join(" | ")} |`,
  );
}
