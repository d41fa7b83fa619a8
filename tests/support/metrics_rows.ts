import type { TrainRow } from "../../src/byol/train_row.ts";
import type { EvalRow } from "../../src/run/metrics.ts";

/** Returns a training row of epochs of ten steps. */
export function trainRow(step: number, loss = 1): TrainRow {
  return {
    kind: "train",
    step,
    epoch: Math.floor(step / 10) + 1,
    loss,
    learning_rate: 0.5,
    tau: 0.99,
    images_per_second: 120,
    embedding_std: 0.08,
    gradient_norm: 3,
  };
}

/** Returns an evaluation: top-1 accuracy as given, top-5 30 points above, k-NN 5 below. */
export function evalRow(
  step: number,
  epoch: number,
  percent: number,
  on: Partial<EvalRow> = {},
): EvalRow {
  const found = { top1: percent, top5: percent + 30, knn_top1: percent - 5 };
  return { kind: "eval", step, epoch, ...found, ...on };
}
