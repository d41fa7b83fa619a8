import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { call, callNumbers, callText, callU32, json } from "./call.ts";

/** Embeddings with labels, for k-NN classification. */
export class FeatureBank extends NativeObject {
  /** Creates an empty bank. */
  static create(): FeatureBank {
    return new FeatureBank(callU32("byol_bank_create"));
  }

  /** Adds the dataset's one-view batch. */
  append(learner: Learner, dataset: Dataset): void {
    call("byol_bank_append", this.handle, learner.handle, dataset.handle);
  }

  /**
   * Classifies the dataset's one-view batch by its k nearest neighbours (Wu et al. 2018, §3.4).
   *
   * @param options.counted true to count the answers by class, for answers()
   */
  classify(
    learner: Learner,
    dataset: Dataset,
    { k, temperature, counted = false }: { k: number; temperature: number; counted?: boolean },
  ): { tested: number; right: number } {
    const [tested = 0, right = 0] = callNumbers(
      "byol_bank_classify",
      this.handle,
      learner.handle,
      dataset.handle,
      json({ k, temperature, counted }),
    );
    return { tested, right };
  }

  /** Reads the numbers of images by true class (rows) and counted answer, row by row; empty where none was counted. */
  answers(): number[] {
    return JSON.parse(callText("byol_bank_answers", this.handle));
  }

  /** Reads the number of images of the smallest class. */
  smallestClass(): number {
    return callNumbers("byol_bank_smallest_class", this.handle)[0] ?? 0;
  }

  /**
   * Writes `features`, `labels` and `scores` (each class's sum of the neighbours' weights) of the dataset's one-view
   * batch, for a check by another program.
   */
  writeAnswers(
    learner: Learner,
    dataset: Dataset,
    options: { k: number; temperature: number; path: string },
  ): void {
    call("byol_bank_write_answers", this.handle, learner.handle, dataset.handle, json(options));
  }
}
