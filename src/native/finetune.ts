import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { check, errorBuffer, openCore, readU32 } from "./library.ts";
import type { Probe } from "./probe.ts";

/** The training of an encoder and a classifier together. */
export class FineTuning extends NativeObject {
  /** Begins on a learner's online encoder, with no momentum yet. */
  static create(learner: Learner): FineTuning {
    const symbols = openCore();
    return new FineTuning(
      readU32(
        "byol_finetune_create",
        (out, error) => symbols.byol_finetune_create(learner.handle, out, error),
      ),
    );
  }

  /**
   * One step of SGD with Nesterov momentum on the dataset's one-view batch, batch normalisation by the batch's own
   * statistics; momentum and weight decay are the classifier's. A batch with fewer than two usable images is no step.
   */
  step(
    parts: { learner: Learner; classifier: Probe; dataset: Dataset },
    learningRate: number,
  ): void {
    check(
      openCore().byol_finetune_step(
        this.handle,
        parts.learner.handle,
        parts.classifier.handle,
        parts.dataset.handle,
        learningRate,
        errorBuffer(),
      ),
      "byol_finetune_step",
    );
  }

  /** Cross-entropy of the last step's batch before the step, mean over its images, in nats. Waits for the device. */
  loss(): number {
    const out = new Float64Array(1);
    check(openCore().byol_finetune_loss(this.handle, out, errorBuffer()), "byol_finetune_loss");
    return out[0] ?? NaN;
  }
}
