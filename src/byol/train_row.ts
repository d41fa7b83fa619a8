/** Numbers of a logged training step. */

/** One logged step of the training. */
export interface TrainRow {
  /** Marks a logged step. */
  kind: "train";
  /** The step's number, from 0. */
  step: number;
  /** The epoch it belongs to, from 1. */
  epoch: number;
  /** Mean over the batch of the two directions' sum, from 0 to 8. */
  loss: number;
  /** Learning rate of this step. */
  learning_rate: number;
  /** Decay of the target's move after this step. */
  tau: number;
  /** Source images per second since the row before. */
  images_per_second: number;
  /**
   * Standard deviation over the batch of the l2-normalised online projections, mean over dimensions: 1/√z_dim
   * when they spread over the sphere, 0 when they have collapsed.
   */
  embedding_std: number;
  /**
   * exp of the entropy of the normalised singular values of the embeddings of view 1, of the batch's first 512 images:
   * from 1 to the lesser of images and features. Runs of earlier versions lack it.
   */
  effective_rank?: number;
  /** Cross-entropy in nats of the online probe on view 1 of this batch, before the probe learnt from the batch. */
  probe_loss?: number;
  /** Accuracy in percent of the online probe on view 1 of this batch, before the probe learnt from the batch. */
  probe_top1?: number;
  /** Steps so far whose gradients overflowed float16, and which changed nothing; only in that precision. */
  skipped_steps?: number;
  /** Factor of the loss that keeps its gradients within float16. */
  loss_scale?: number;
  /** Euclidean norms, such as gradient_norm. */
  [norm: `${string}_norm`]: number;
}
