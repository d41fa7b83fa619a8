import type { Dataset } from "./dataset.ts";
import { NativeObject } from "./handle.ts";
import type { Learner } from "./learner.ts";
import { check, errorBuffer, json, openCore, readU32 } from "./library.ts";

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
