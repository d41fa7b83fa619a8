/**
 * Options of training a classifier on embeddings, in any protocol.
 *
 * @module
 */

/** A classifier's training, by SGD with Nesterov momentum. */
export interface ClassifierOptions {
  /** Decides the classifier's first weights, the order of the images and their crops. */
  seed: number;
  /** Type of the classifier's numbers: the learner's. */
  dtype: "float32" | "float64";
  /** Device of the learner's tensors: "cpu", or "cuda:0". */
  device?: string;
  /** Passes over the training images. */
  epochs: number;
  /** Images of a step. */
  batchSize: number;
  /** The rate at the first step; a cosine takes it to 0.0001. */
  learningRate: number;
  /** Nesterov momentum, in (0, 1). */
  momentum: number;
  /** Weight decay of what is trained. */
  weightDecay: number;
  /** True to choose the rate on held-out training images. */
  sweep: boolean;
}
