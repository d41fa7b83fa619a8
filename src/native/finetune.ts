import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, callNumbers, callU32 } from "./call.ts";
import type { Probe } from "./probe.ts";

/** The training of an encoder and a classifier together. */
export class FineTuning extends NativeObject {
  /** Begins on a learner's online encoder, with no momentum yet. */
  static create(learner: Learner): FineTuning {
    return new FineTuning(callU32("byol_finetune_create", learner.handle));
  }

  /**
   * One step of SGD with Nesterov momentum on the dataset's one-view batch, batch normalisation by the batch's own
   * statistics; momentum and weight decay are the classifier's. A batch with fewer than two usable images is no step.
   */
  step(
    parts: { learner: Learner; classifier: Probe; dataset: Dataset },
    learningRate: number,
  ): void {
    call(
      "byol_finetune_step",
      this.handle,
      parts.learner.handle,
      parts.classifier.handle,
      parts.dataset.handle,
      learningRate,
    );
  }

  /** Cross-entropy of the last step's batch before the step, mean over its images, in nats. Waits for the device. */
  loss(): number {
    const [loss = NaN] = callNumbers("byol_finetune_loss", 1, this.handle);
    return loss;
  }
}
