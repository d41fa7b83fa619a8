/** The row of a logged training step, as metrics.jsonl holds it. */

/** Row of one logged step of the training. */
export interface TrainRow {
  /** Kind of the row: a training step. */
  kind: "train";
  /** The step's number, from 0. */
  step: number;
  /** The epoch of the step, from 1. */
  epoch: number;
  /** BYOL's loss, from 0 to 8: the sum of the two directions, mean over the batch. */
  loss: number;
  /** Learning rate of this step. */
  learning_rate: number;
  /** Decay τ of the target's moving average after this step. */
  tau: number;
  /** Source images per second since the previous row. */
  images_per_second: number;
  /**
   * Standard deviation over the batch of the l2-normalised online projections, mean over dimensions: 1/√z_dim for
   * projections that spread over the sphere, 0 for collapsed ones.
   */
  embedding_std: number;
  /**
   * Effective rank of the embeddings of view 1 of the batch's first 128 images (512 in earlier versions, none in version
   * 0.1.0): exp of the entropy of the normalised singular values, from 1 to the lesser of images and features.
   */
  effective_rank?: number;
  /** Cross-entropy (nats) of the online probe on view 1 of this batch, before the probe learns from the batch. */
  probe_loss?: number;
  /** Accuracy (percent) of the online probe on view 1 of this batch, before the probe learns from the batch. */
  probe_top1?: number;
  /** Cross-entropy (nats) of the rotation auxiliary on this batch, without its weight; `loss` does not contain it. */
  rotation_loss?: number;
  /** Accuracy (percent) of the rotation auxiliary on the four rotations of this batch; by chance 25. */
  rotation_top1?: number;
  /** Seconds of the cores of all ranks, over all invocations; absent outside a run folder. */
  core_seconds?: number;
  /** Seconds of all GPUs, over all invocations; absent on processors. */
  gpu_seconds?: number;
  /** Energy of all GPUs in joules, over all invocations; absent where it is not measured. */
  joules?: number;
  /** Number of steps that changed nothing because their gradients overflowed float16; fp16 only. */
  skipped_steps?: number;
  /** Factor of the loss that keeps the gradients within float16's range; fp16 only. */
  loss_scale?: number;
  /** Euclidean norms: gradient_norm and parameter_norm. */
  [norm: `${string}_norm`]: number;
}
