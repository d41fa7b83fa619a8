import { equal, match } from "node:assert/strict";
import {
  withEvaluationAdvice,
  withMemoryAdvice,
  withMemoryOfRun,
} from "../../../src/commands/memory_advice.ts";
import { UserError } from "../../../src/base/exit_codes.ts";
import { NativeError } from "../../../src/native/native_error.ts";

const CONFIG = {
  batchSize: 4096,
  ranks: 4,
  accumulateSteps: 2,
  activationCheckpointing: false,
  datasetName: "imagenet",
  hardware: "multi-gpu",
  imageSize: null,
  precision: "normal",
  preset: null,
  probeAugment: true,
  probeBatchSize: 256,
  protocol: "linear",
} as const;

function lack(symbol: string): NativeError {
  return new NativeError(4, symbol, "CUDA out of memory\nframe #0");
}

Deno.test("missing memory is told with the images of a pass and with what needs less", () => {
  const error = lack("byol_learner_forward_backward");
  const advice = withMemoryAdvice(error, CONFIG) as UserError;
  match(
    advice.message,
    /^Cannot train on 512 images a pass: the GPU has no memory left \(CUDA out of memory\), expected /,
  );
  match(
    advice.message,
    /--max_batch_per_rank=256 .*, or --activation_checkpointing .*, or a smaller/,
  );
  equal(advice instanceof UserError && advice.exitCode, 1);
  const least = { ...CONFIG, batchSize: 8, activationCheckpointing: true };
  const { message } = withMemoryAdvice(error, least) as UserError;
  match(message, /expected a smaller --image_size or network$/);
});

Deno.test("an evaluation without memory is told with its own options, by what needed it", () => {
  const told = (symbol: string, options: object = {}, images?: number): string =>
    (withEvaluationAdvice(lack(symbol), { ...CONFIG, ...options }, images) as UserError).message;
  const gpu = "the GPU has no memory left (CUDA out of memory), expected ";
  const pixels = "--image_size=158 (half as many pixels as 224, other accuracies)";
  equal(
    told("byol_dataset_embed"),
    `Cannot embed 250 images a pass: ${gpu}${pixels}, or --precision=mixed, or --hardware=cpu`,
  );
  equal(
    told("byol_dataset_make_center_crops", { hardware: "cpu", probeBatchSize: 8192 }),
    "Cannot embed 250 images a pass: this machine has no memory left (CUDA out of memory), " +
      `expected ${pixels}, or a machine with more memory`,
  );
  equal(
    told("byol_dataset_embed", { probeBatchSize: 8192 }),
    `Cannot train a linear probe on 8192 images a step: ${gpu}--batch_size_clsf=4096, or ${pixels}`,
  );
  const tuned = { protocol: "finetune" };
  equal(
    told("byol_finetune_step", tuned, 100),
    `Cannot fine-tune on 100 images a step: ${gpu}--batch_size_clsf=50, or ${pixels}`,
  );
  match(told("byol_probe_test", tuned), /^Cannot embed 250 images a pass/);
  equal(
    told("byol_bank_append", { probeAugment: false, precision: "mixed" }, 1_281_167),
    `Cannot keep the embeddings of 1281167 training images: ${gpu}--limit_train=640583 (fewer ` +
      "neighbours), or --clsf_augment (keeps them once), or --hardware=cpu",
  );
  match(told("byol_features_append"), /of all training images: .+ --limit_train \(fewer/);
  match(
    told("byol_regression_create", { protocol: "logreg" }),
    /^Cannot keep the embeddings of all/,
  );
  match(told("byol_learner_create"), /^Cannot open images and networks for an evaluation: /);
});

Deno.test("a training's evaluation has the advice of an evaluation, a replay that of its run", () => {
  const { message } = withMemoryAdvice(lack("byol_dataset_embed"), CONFIG) as UserError;
  match(message, /^Cannot embed 250 images a pass/);
  for (const symbol of ["byol_dataset_make_views", "byol_learner_train_probe"]) {
    match((withMemoryAdvice(lack(symbol), CONFIG) as UserError).message, /^Cannot train on 512/);
  }
  const replay = withMemoryOfRun(lack("byol_learner_forward_backward"), CONFIG) as UserError;
  match(replay.message, /^Cannot replay the steps: .+ expected as much memory as the run had$/);
});

Deno.test("other errors stay as they are", () => {
  const bug = new TypeError("x");
  for (const advise of [withMemoryAdvice, withEvaluationAdvice, withMemoryOfRun]) {
    const other = new NativeError(5, "byol_learner_forward_backward", "shapes");
    equal(advise(other, CONFIG), other);
    equal(advise(bug, CONFIG), bug);
  }
});
