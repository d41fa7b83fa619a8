import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, callNumbers, callU32 } from "./call.ts";
import type { Probe } from "./probe.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Joint training of an encoder and a classifier. */
export class FineTuning extends NativeObject {
  /** Begins the training of a learner's online encoder, with momentum 0. */
  static create(learner: Learner): FineTuning {
    return new FineTuning(callU32("byol_finetune_create", learner.handle));
  }

  /**
   * Averages gradients over the ranks from the next step on, and normalises their batches, of as many images each, as
   * one batch.
   */
  join(learner: Learner, group: ProcessGroup): void {
    call("byol_finetune_join", this.handle, learner.handle, group.handle);
  }

  /**
   * Makes one step of SGD with Nesterov momentum on the dataset's one-view batch, with batch normalisation in train
   * mode, and with the momentum and weight decay of the classifier. Skips a batch of fewer than two usable images.
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

  /**
   * Returns the cross-entropy (nats, mean over the images of all ranks) of the last batch before its step. All ranks must
   * call it. Waits for the device.
   */
  loss(): number {
    const [loss = NaN] = callNumbers("byol_finetune_loss", this.handle);
    return loss;
  }
}
