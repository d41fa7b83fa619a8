import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, callNumbers, callText, callU32, json } from "./call.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Options of a linear classifier. */
export interface ProbeOptions {
  /** Length of an embedding. */
  features: number;
  classes: number;
  dtype: "float32" | "float64";
  /** Device of the embeddings: "cpu" (default) or "cuda:0". */
  device?: string;
  seed: number;
  momentum: number;
  weightDecay: number;
  /**
   * Clipped logits, `bound · tanh(logit / bound)`, and `penalty` times the mean of their squares in the loss (CPC v2, Hénaff
   * et al. 2019); by default neither.
   */
  logitClip?: { bound: number; penalty: number } | undefined;
}

/** A linear classifier on the frozen encoder. */
export class Probe extends NativeObject {
  /** Creates a classifier with weights drawn from the seed. */
  static create(options: ProbeOptions): Probe {
    return new Probe(
      callU32("byol_probe_create", json({ ...options, device: options.device ?? "cpu" })),
    );
  }

  /** Trains by one step of SGD with Nesterov momentum on the dataset's one-view batch. */
  train(learner: Learner, dataset: Dataset, learningRate: number): void {
    call("byol_probe_train", this.handle, learner.handle, dataset.handle, learningRate);
  }

  /** Counts right answers on the dataset's one-view batch. */
  test(learner: Learner, dataset: Dataset): void {
    call("byol_probe_test", this.handle, learner.handle, dataset.handle);
  }

  /**
   * Writes `weight` and `bias`, and `views`, `features`, `labels` and `top5` (the likeliest classes, best first) of the
   * dataset's one-view batch: for another program to recompute.
   */
  writeAnswers(learner: Learner, dataset: Dataset, path: string): void {
    call("byol_probe_write_answers", this.handle, learner.handle, dataset.handle, json({ path }));
  }

  /**
   * Writes a safetensors file with `weight` and `bias`; with the learner's encoder beside it as `fc.weight` and
   * `fc.bias`, torchvision's names of a whole classifier.
   *
   * @param options.metadata metadata of the file, as JSON in the entry "byol"
   * @throws NativeError when the weights are not finite, or the file cannot be written
   */
  save(
    learner: Learner,
    options: { path: string; metadata: Record<string, unknown>; withEncoder: boolean },
  ): void {
    call("byol_probe_save", this.handle, learner.handle, json(options));
  }

  /**
   * Gives every rank's probe the weights of rank 0's. All ranks must call it.
   *
   * @internal
   */
  join(group: ProcessGroup): void {
    call("byol_probe_join", this.handle, group.handle);
  }

  /** Reads the numbers of images by true class (rows) and answer, row by row; empty for more than 4096 classes. */
  answers(): number[] {
    return JSON.parse(callText("byol_probe_answers", this.handle));
  }

  /** Reads the numbers of images tested, right at first guess, and right within five. */
  counts(): [seen: number, first: number, five: number] {
    const [seen = 0, first = 0, five = 0] = callNumbers("byol_probe_counts", this.handle);
    return [seen, first, five];
  }
}
