import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import { Job } from "./job.ts";
import { call, callNumbers, callU32, json } from "./call.ts";
import { Trace } from "./trace.ts";

/** Options of the networks. */
export interface LearnerOptions {
  /** resnet20 (stem "cifar" alone), or resnet18, 34, 50, 101 or 152. */
  resnetType: string;
  /** "cifar": 3×3 convolution, no pooling; "imagenet": 7×7 and max-pool. */
  stem: "cifar" | "imagenet";
  /** Width of the heads' hidden layer. */
  hiddenDim: number;
  /** Length of projections and predictions. */
  zDim: number;
  /** Linear layer of each head that has a bias: the second ("reference", the default), or the first ("deepmind"). */
  heads?: "reference" | "deepmind";
  /** One batch-normalisation pass over both views, or one for each. */
  bnViews: "joint" | "separate";
  /**
   * Position of the learning rate in LARS: inside the momentum buffer (reference), or applied last (deepmind, clipped).
   * clipped: the adapted rate is at most the learning rate.
   */
  larsVariant: "reference" | "deepmind" | "clipped";
  /**
   * The rotation auxiliary: weight of its loss, above 0, and width of its head's hidden layers. Default: null, none. With
   * it, a batch must have a third view.
   */
  rotation?: { weight: number; hiddenDim: number } | null;
  /** Type of weights, views and sums. */
  dtype: "float32" | "float64";
  /** Device: "cpu" (default), or "cuda:0" once CUDA is opened. */
  device?: string;
  /** Precision of convolutions and matrix products. Default: "normal"; the others take float32. */
  precision?: "normal" | "bf16" | "fp16";
  /**
   * True to keep only the input of each residual block's activations for the backward pass, which computes the others
   * again. Default: false, all are kept.
   */
  activationCheckpointing?: boolean;
  /** Seed of the initial weights. */
  seed: number;
}

/** Hyper-parameters of one optimizer step. */
export interface UpdateOptions {
  /** The rate of this step. */
  learningRate: number;
  /** Momentum, in [0, 1). */
  momentum: number;
  /** Weight decay of LARS; biases and batch normalisation are exempt. */
  weightDecay: number;
  /** LARS's trust coefficient. */
  eta: number;
}

/** Rates that change from step to step. */
export interface StepRates {
  /** LARS's rate of this step. */
  learningRate: number;
  /** The target's decay at this step. */
  tau: number;
}

/** Rates of one step of the online probe. */
export interface ProbeRates {
  /** The rate of this step. */
  learningRate: number;
  /** Momentum, in [0, 1). */
  momentum: number;
}

/** Metrics of the online probe on the last step's images, before it learnt from them. */
export interface OnlineProbeMetrics {
  /** Cross-entropy, mean over the images, in nats. */
  loss: number;
  /** Share of right answers, 0 to 1. */
  accuracy: number;
}

/** Metrics of the rotation auxiliary on the last step's images. */
export interface RotationMetrics {
  /** Cross-entropy, mean over the four rotations of all images, in nats; without the auxiliary's weight. */
  loss: number;
  /** Share of right answers, 0 to 1. */
  accuracy: number;
}

/** Metrics of the last step. */
export interface StepMetrics {
  /** Mean over the batch of both directions' sum, 0 to 8. */
  loss: number;
  /** Standard deviation of the l2-normalised online projections: 1/√zDim when spread. */
  embeddingStd: number;
  /** l2 norm of all gradients. */
  gradientNorm: number;
  /** l2 norm of all parameters. */
  parameterNorm: number;
  /** Dimensions that the embeddings of view 1 make use of, of the batch's first 128 images: 1 to features(). */
  effectiveRank: number;
}

/** Online and target network with their optimizer state. */
export class Learner extends NativeObject {
  /** Creates networks with weights drawn from the seed. */
  static create(options: LearnerOptions): Learner {
    const { heads = "reference", device = "cpu", precision = "normal" } = options;
    const { activationCheckpointing = false, rotation = null } = options;
    return new Learner(callU32(
      "byol_learner_create",
      json({ ...options, heads, rotation, device, precision, activationCheckpointing }),
    ));
  }

  /** Returns the length of an embedding. */
  features(): number {
    return callU32("byol_learner_features", this.handle);
  }

  /** Computes loss and gradients on the dataset's two views (BYOL, eq. 2), which add up over the micro-batches of a step. */
  forwardBackward(
    dataset: Dataset,
    { microBatch, microBatches } = { microBatch: 0, microBatches: 1 },
  ): void {
    call(
      "byol_learner_forward_backward",
      this.handle,
      dataset.handle,
      microBatch,
      microBatches,
    );
  }

  /**
   * Starts to record a step on the dataset's two views as a CUDA graph: until endRecording(), the calls of a step
   * are recorded and not run. At least one step must have been run before.
   *
   * @returns false where a step cannot be recorded: on the processor, with other ranks, without the GPU library, with
   * activation checkpointing
   */
  beginRecording(dataset: Dataset, { learningRate, tau }: StepRates): boolean {
    const [learner, images] = [this.handle, dataset.handle];
    return callU32("byol_learner_begin_recording", learner, images, learningRate, tau) === 1;
  }

  /** Ends the recording and runs the recorded step. */
  endRecording(): void {
    call("byol_learner_end_recording", this.handle);
  }

  /** Drops a recording that failed. */
  dropRecording(): void {
    call("byol_learner_drop_recording", this.handle);
  }

  /** Runs the recorded step on the dataset's two views. @returns false where no step is recorded for views of this shape */
  replay(dataset: Dataset, { learningRate, tau }: StepRates): boolean {
    return callU32("byol_learner_replay", this.handle, dataset.handle, learningRate, tau) === 1;
  }

  /** Takes rank 0's running statistics, where each rank normalises its own batches. */
  broadcastStatistics(): void {
    call("byol_learner_broadcast_statistics", this.handle);
  }

  /** Moves the online network by LARS. */
  applyUpdate({ learningRate, momentum, weightDecay, eta }: UpdateOptions): void {
    call("byol_learner_apply_update", this.handle, learningRate, momentum, weightDecay, eta);
  }

  /** Moves the target: target ← tau·target + (1 − tau)·online (BYOL, eq. 1). */
  moveTarget(tau: number): void {
    call("byol_learner_move_target", this.handle, tau);
  }

  /** Reads the metrics of the last step: the only wait on the device. */
  readMetrics(): StepMetrics {
    const numbers = callNumbers("byol_learner_metrics", this.handle);
    const [loss = NaN, embeddingStd = NaN, gradientNorm = NaN, parameterNorm = NaN] = numbers;
    return { loss, embeddingStd, gradientNorm, parameterNorm, effectiveRank: numbers[4] ?? NaN };
  }

  /**
   * Adds a linear probe that learns beside the online encoder and leaves the encoder unchanged.
   *
   * @param classes number of classes of the labels, at least 2
   */
  addProbe(classes: number): void {
    call("byol_learner_add_probe", this.handle, classes);
  }

  /** Trains the online probe by one step of SGD on the last step's embeddings of view 1. All ranks must call it. */
  trainProbe({ learningRate, momentum }: ProbeRates): void {
    call("byol_learner_train_probe", this.handle, learningRate, momentum);
  }

  /** Reads the metrics of the online probe; waits on the device. All ranks must call it. */
  readProbeMetrics(): OnlineProbeMetrics {
    const [loss = NaN, accuracy = NaN] = callNumbers("byol_learner_probe_metrics", this.handle);
    return { loss, accuracy };
  }

  /** Reads the metrics of the rotation auxiliary; waits on the device. All ranks must call it. */
  readRotationMetrics(): RotationMetrics {
    const [loss = NaN, accuracy = NaN] = callNumbers("byol_learner_rotation_metrics", this.handle);
    return { loss, accuracy };
  }

  /**
   * Reads the number of steps that overflows of float16 have skipped, and the scale of the loss; undefined in other
   * precisions. Waits on the device.
   */
  readScaler(): { skippedSteps: number; lossScale: number } | undefined {
    const [skippedSteps = NaN, lossScale = NaN] = callNumbers(
      "byol_learner_scaler",
      this.handle,
    );
    return lossScale === 0 ? undefined : { skippedSteps, lossScale };
  }

  /** Writes all that a resume needs: to a temporary file, which is synced and renamed. */
  save(path: string, metadata: Record<string, unknown>): void {
    this.#save(path, metadata, false);
  }

  /**
   * Copies all that a resume needs, and writes the copy in a thread while the training continues.
   *
   * @param options.syncFirst files that are to be on the disk before the checkpoint appears
   *
   * @internal
   */
  beginSave(
    path: string,
    { metadata, syncFirst }: { metadata: Record<string, unknown>; syncFirst: string[] },
  ): Job {
    return new Job(
      callU32("byol_learner_save_begin", this.handle, json({ path, metadata, syncFirst })),
    );
  }

  /** Writes the online encoder alone, in torchvision's names. */
  saveEncoder(path: string, metadata: Record<string, unknown>): void {
    this.#save(path, metadata, true);
  }

  #save(path: string, metadata: Record<string, unknown>, encoderOnly: boolean): void {
    call("byol_learner_save", this.handle, json({ path, metadata, encoderOnly }));
  }

  /** Reads a training state that save() wrote. @throws NativeError naming the tensor that is missing, extra or of another shape */
  load(path: string): void {
    this.#load(path, false);
  }

  /** Reads the encoder from a training state, an encoder file, or another program's weights (docs/migration.md). */
  loadEncoder(path: string): void {
    this.#load(path, true);
  }

  #load(path: string, encoderOnly: boolean): void {
    call("byol_learner_load", this.handle, json({ path, encoderOnly }));
  }

  /**
   * Reads the encoder as loadEncoder() does, and gives the target network the same weights. The learner must have made no step.
   *
   * @throws NativeError naming the tensors that are missing, unexpected or of another shape, and the network that would fit
   */
  initEncoder(path: string): void {
    call("byol_learner_init_encoder", this.handle, json(path));
  }

  /**
   * Writes the online network's outputs for `input`, a tensor of a safetensors file, in eval and then in train mode, and
   * the buffers of batch normalisation afterwards: for another program to recompute.
   */
  writeOutputs(options: { input: string; path: string; encoderOnly: boolean }): void {
    call("byol_learner_write_outputs", this.handle, json(options));
  }

  /** Writes `features` and `labels` of the dataset's one-view batch, for another program to recompute. */
  writeEmbeddings(dataset: Dataset, path: string): void {
    call("byol_learner_write_embeddings", this.handle, dataset.handle, json({ path }));
  }

  /**
   * Keeps the state before a step; write it after the step.
   *
   * @internal
   */
  beginTrace(): Trace {
    return new Trace(this, callU32("byol_learner_trace_begin", this.handle));
  }
}
