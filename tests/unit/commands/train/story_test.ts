import { deepEqual, equal } from "node:assert/strict";
import { planTraining } from "../../../../src/byol/plan.ts";
import { closingLines, openingLines } from "../../../../src/commands/train/story.ts";
import { parseCommandLine } from "../../../../src/options/parse.ts";
import { runFolderAt } from "../../../../src/run/folder.ts";

function opening(args: readonly string[], firstStep = 0): string[] {
  const { config } = parseCommandLine("train", ["--run_dir=runs/a", ...args], {
    variable: () => undefined,
    exists: () => false,
    cores: 1,
  });
  return openingLines(
    { config, folder: runFolderAt(config.runDir) },
    planTraining(5000, config),
    firstStep,
  );
}

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
  equal(opening([], 78).length, 1);
});

Deno.test("a training ends with the places of the encoder and of the report", () => {
  deepEqual(closingLines(runFolderAt("runs/a")), [
    "The encoder is runs/a/encoder.safetensors; other programs read what deno task export makes of it",
    "A page with curves, views and neighbours: deno task report --run_dir=runs/a",
  ]);
});
