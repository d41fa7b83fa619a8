import { equal, match } from "node:assert/strict";
import { withMemoryAdvice } from "../../../../src/commands/train/memory_advice.ts";
import { UserError } from "../../../../src/base/exit_codes.ts";
import { NativeError } from "../../../../src/native/native_error.ts";

const CONFIG = {
  batchSize: 4096,
  ranks: 4,
  accumulateSteps: 2,
  activationCheckpointing: false,
  hardware: "multi-gpu",
} as const;

Deno.test("missing memory is told with the images of a pass and with what needs less", () => {
  const error = new NativeError(4, "byol_learner_forward_backward", "CUDA out of memory");
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

Deno.test("other errors stay as they are", () => {
  const other = new NativeError(5, "byol_learner_forward_backward", "shapes");
  equal(withMemoryAdvice(other, CONFIG), other);
  const bug = new TypeError("x");
  equal(withMemoryAdvice(bug, CONFIG), bug);
});
