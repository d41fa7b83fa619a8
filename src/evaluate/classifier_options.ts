/**
 * Options of training a linear classifier, for all protocols of evaluation.
 *
 * @module
 */

/** Options of training a linear classifier by SGD with Nesterov momentum. */
export interface ClassifierOptions {
  /** Seed of the classifier's initial weights, the order of the images and their crops. */
  seed: number;
  /** Type of the classifier's weights, which must equal the learner's. */
  dtype: "float32" | "float64";
  /** Device of the learner, such as "cpu" or "cuda:0". */
  device?: string;
  /** Passes over the training images. */
  epochs: number;
  /** Images of a step. */
  batchSize: number;
  /** Learning rate of the first step, from which half a cosine leads to 0.0001. */
  learningRate: number;
  /** Nesterov momentum, in (0, 1). */
  momentum: number;
  /** Weight decay of all trained weights. */
  weightDecay: number;
  /** True to choose the learning rate on held-out training images. */
  sweep: boolean;
  /**
   * Clipped logits, `bound · tanh(logit / bound)`, and `penalty` times the mean of their squares in the loss; by default
   * neither.
   */
  logitClip?: { bound: number; penalty: number } | undefined;
}
