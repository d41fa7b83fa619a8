import { deepEqual, equal, match } from "node:assert/strict";
import { planTraining } from "../../../../src/byol/plan.ts";
import { closingLines, openingLines } from "../../../../src/commands/train/story.ts";
import { parseCommandLine, type ParsedCommandLine } from "../../../../src/options/parse.ts";
import { loadAugmentSchedule } from "../../../../src/recipes/view_schedule.ts";
import { runFolderAt } from "../../../../src/run/folder.ts";

function parsed(args: readonly string[]): ParsedCommandLine {
  return parseCommandLine("train", ["--run_dir=runs/a", ...args], {
    variable: () => undefined,
    exists: () => false,
    cores: 1,
  });
}

function opening(
  args: readonly string[],
  { firstStep = 0, bf16 = false, grays }: { firstStep?: number; bf16?: boolean; grays?: number } =
    {},
): string[] {
  const { config } = parsed(args);
  const plan = planTraining(5000, config);
  const augmentation = loadAugmentSchedule(config, plan.stepsPerEpoch);
  return openingLines({ config, folder: runFolderAt(config.runDir) }, plan, {
    firstStep,
    bf16,
    augmentation,
    grays,
  });
}

Deno.test("gray images are told of with the operations that leave them as they are", () => {
  const [, told] = opening([], { grays: 64 });
  match(told ?? "", /^The training images are gray, by 64 headers: saturation, hue, grayscale of /);
  equal(opening([], { grays: 64 }).length, opening([]).length + 1);
  equal(opening([], { grays: 64, firstStep: 78 }).length, 1);
});

Deno.test("a training begins with network, steps, folder, and what it does before the first step", () => {
  deepEqual(opening([]), [
    "resnet20: 6 epochs of 78 steps, batches of 64; the run is in runs/a",
    "The untrained encoder is evaluated first, to compare the trained one with it",
  ]);
  deepEqual(opening(["--max_steps=100"]), [
    "resnet20: 6 epochs of 78 steps, batches of 64, to stop at step 100; the run is in runs/a",
    "--max_steps=100 leaves out the evaluation of the untrained encoder",
  ]);
  deepEqual(opening(["--clsf_every=0", "--nb_epochs=1", "--nb_epochs_warmup=0"]), [
    "resnet20: 1 epoch of 78 steps, batches of 64; the run is in runs/a",
  ]);
  equal(opening([], { firstStep: 78 }).length, 1);
});

Deno.test("a processor with bfloat16 is told of it once, where it computes in float32", () => {
  const bf16 = true;
  const [first, told, evaluated] = opening([], { bf16 });
  equal(first, opening([])[0]);
  match(
    told ?? "",
    /^This processor has bfloat16: --precision=mixed trains 1\.2 to 1\.9 times as fast/,
  );
  equal(evaluated, opening([])[1]);
  // No preset resolves it, and a resumed run keeps what it began with.
  for (const preset of ["cifar10_cpu", "byol_cifar10", "imagenette"]) {
    const { config } = parsed([`--preset=${preset}`]);
    equal(config.precision, "normal", preset);
  }
  equal(opening([], { bf16, firstStep: 78 }).length, 1);
  for (const args of [["--precision=mixed"], ["--dtype=float64"], ["--hardware=mono-gpu"]]) {
    deepEqual(opening(args, { bf16 }), opening(args));
  }
});

Deno.test("a training ends with the places of the encoder and of the report", () => {
  deepEqual(closingLines(runFolderAt("runs/a")), [
    "The encoder is runs/a/encoder.safetensors; other programs read what deno task export makes of it",
    "A page with curves, views and neighbours: deno task report --run_dir=runs/a",
  ]);
});
