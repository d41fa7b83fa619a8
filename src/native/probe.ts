import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { check, errorBuffer, json, openCore, readU32 } from "./library.ts";
import type { ProcessGroup } from "./process_group.ts";

/** A linear classifier to make. */
export interface ProbeOptions {
  /** Length of an embedding. */
  features: number;
  classes: number;
  dtype: "float32" | "float64";
  /** Where the embeddings are: "cpu", which is the default, or "cuda:0". */
  device?: string;
  seed: number;
  momentum: number;
  weightDecay: number;
}

/** A linear classifier on the frozen encoder. */
export class Probe extends NativeObject {
  /** Makes one with weights drawn from the seed. */
  static create(options: ProbeOptions): Probe {
    const symbols = openCore();
    const request = json({ ...options, device: options.device ?? "cpu" });
    return new Probe(
      readU32("byol_probe_create", (out, error) => symbols.byol_probe_create(request, out, error)),
    );
  }

  /** One step of SGD with Nesterov momentum on the dataset's one-view batch. */
  train(learner: Learner, dataset: Dataset, learningRate: number): void {
    check(
      openCore().byol_probe_train(
        this.handle,
        learner.handle,
        dataset.handle,
        learningRate,
        errorBuffer(),
      ),
      "byol_probe_train",
    );
  }

  /** Counts right answers on the dataset's one-view batch. */
  test(learner: Learner, dataset: Dataset): void {
    check(
      openCore().byol_probe_test(this.handle, learner.handle, dataset.handle, errorBuffer()),
      "byol_probe_test",
    );
  }

  /**
   * Writes `weight` and `bias`, and `views`, `features`, `labels` and `top5` (the likeliest classes, best first) of the
   * dataset's one-view batch: for another program to recompute.
   */
  writeAnswers(learner: Learner, dataset: Dataset, path: string): void {
    check(
      openCore().byol_probe_write_answers(
        this.handle,
        learner.handle,
        dataset.handle,
        json({ path }),
        errorBuffer(),
      ),
      "byol_probe_write_answers",
    );
  }

  /**
   * Writes a safetensors file with `weight` and `bias`; with the learner's encoder beside it as `fc.weight` and
   * `fc.bias`, torchvision's names of a whole classifier.
   *
   * @param options.metadata goes with them as JSON, in the entry "byol"
   * @throws NativeError when they are not finite, or the file cannot be written
   */
  save(
    learner: Learner,
    options: { path: string; metadata: Record<string, unknown>; withEncoder: boolean },
  ): void {
    check(
      openCore().byol_probe_save(this.handle, learner.handle, json(options), errorBuffer()),
      "byol_probe_save",
    );
  }

  /** Gives every rank's probe the weights of rank 0's. All ranks must. */
  join(group: ProcessGroup): void {
    check(
      openCore().byol_probe_join(this.handle, group.handle, errorBuffer()),
      "byol_probe_join",
    );
  }

  /** Images tested so far, those right at first guess, and those right within five. */
  counts(): [seen: number, first: number, five: number] {
    const out = new Float64Array(3);
    check(openCore().byol_probe_counts(this.handle, out, errorBuffer()), "byol_probe_counts");
    const [seen = 0, first = 0, five = 0] = out;
    return [seen, first, five];
  }
}

/** One step of a probe on features. */
export interface FeatureStep {
  seed: number;
  step: number;
  /** Images. */
  batchSize: number;
  /** Images kept from training, drawn by the seed. */
  heldOut: number;
}

/** Embeddings computed once, for probes to be trained and tested on. */
export class Features extends NativeObject {
  /** Makes an empty table. */
  static create(): Features {
    const symbols = openCore();
    return new Features(
      readU32("byol_features_create", (out, error) => symbols.byol_features_create(out, error)),
    );
  }

  /** Adds the dataset's one-view batch. */
  append(learner: Learner, dataset: Dataset): void {
    check(
      openCore().byol_features_append(
        this.handle,
        learner.handle,
        dataset.handle,
        errorBuffer(),
      ),
      "byol_features_append",
    );
  }

  /** Trains the probe on a step's share of the features. */
  train(probe: Probe, step: FeatureStep, learningRate: number): void {
    check(
      openCore().byol_features_train(
        this.handle,
        probe.handle,
        json(step),
        learningRate,
        errorBuffer(),
      ),
      "byol_features_train",
    );
  }

  /** Counts the probe's right answers on the images held out, or on all when there are none. */
  test(probe: Probe, { seed, heldOut }: Pick<FeatureStep, "seed" | "heldOut">): void {
    check(
      openCore().byol_features_test(
        this.handle,
        probe.handle,
        BigInt(seed),
        heldOut,
        errorBuffer(),
      ),
      "byol_features_test",
    );
  }
}

/** Embeddings with labels, to look nearest neighbours up in. */
export class FeatureBank extends NativeObject {
  /** Makes an empty one. */
  static create(): FeatureBank {
    const symbols = openCore();
    return new FeatureBank(
      readU32("byol_bank_create", (out, error) => symbols.byol_bank_create(out, error)),
    );
  }

  /** Adds the dataset's one-view batch. */
  append(learner: Learner, dataset: Dataset): void {
    check(
      openCore().byol_bank_append(this.handle, learner.handle, dataset.handle, errorBuffer()),
      "byol_bank_append",
    );
  }

  /** Classifies the dataset's one-view batch by its k nearest neighbours (Wu et al. 2018, §3.4). */
  classify(
    learner: Learner,
    dataset: Dataset,
    { k, temperature }: { k: number; temperature: number },
  ): { tested: number; right: number } {
    const out = new Float64Array(2);
    check(
      openCore().byol_bank_classify(
        this.handle,
        learner.handle,
        dataset.handle,
        k,
        temperature,
        out,
        errorBuffer(),
      ),
      "byol_bank_classify",
    );
    const [tested = 0, right = 0] = out;
    return { tested, right };
  }

  /**
   * Writes `features`, `labels` and `scores` (each class's sum of the neighbours' weights) of the dataset's one-view
   * batch: for another program to recompute.
   */
  writeAnswers(
    learner: Learner,
    dataset: Dataset,
    options: { k: number; temperature: number; path: string },
  ): void {
    check(
      openCore().byol_bank_write_answers(
        this.handle,
        learner.handle,
        dataset.handle,
        json(options),
        errorBuffer(),
      ),
      "byol_bank_write_answers",
    );
  }
}
