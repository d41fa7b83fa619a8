/** Folders of runs that never ran, for those who read such folders. */

import { join } from "node:path";
import { parseCommandLine } from "../../src/options/parse.ts";
import { JsonLinesSink } from "../../src/run/metrics_file.ts";
import { createRunFolder } from "../../src/run/folder.ts";
import { constantSchedule } from "../../src/recipes/view_schedule.ts";
import { VIEW_RECIPES } from "../../src/recipes/views.ts";
import { writeRunRecord } from "../../src/run/record.ts";

/** Shape of the run. */
export interface RunShape {
  /** Steps done. */
  steps: number;
  /** Steps from row to row. */
  every: number;
  totalSteps: number;
  embeddingStd?: number;
  /** Of the only evaluation, in percent. */
  top1?: number;
  seed?: number;
  /** Further options of the run, such as "--dataset_name=cifar10". */
  args?: readonly string[];
  /** Number of test images of the evaluation; earlier versions wrote none. */
  tested?: number;
  /** Of the evaluation on 500 held-out images, in percent; none were held out by default. */
  heldOut?: number;
}

/** Writes a run's folder of 10 epochs; it is removed at the end of the scope. */
export async function writeRun(
  {
    steps,
    every,
    totalSteps,
    embeddingStd = 0.06,
    top1 = 50,
    seed = 0,
    args = [],
    tested,
    heldOut,
  }: RunShape,
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "byol-run-" });
  const { config, origins } = parseCommandLine("train", [
    ...["--nb_epochs=10", "--batch_size=16", `--run_dir=${path}`, `--seed=${seed}`, ...args],
  ], { variable: () => undefined, exists: () => false, cores: 1 });
  const folder = createRunFolder(path);
  writeRunRecord(folder, {
    config,
    origins,
    augmentation: constantSchedule(VIEW_RECIPES.demo),
    versions: { byol: "0.1.0", deno: "2.9.6", libtorch: "2.11.0", core: "abc" },
    commit: null,
    data: { digest: "0".repeat(64), verified: true },
    machine: "a processor",
    startedAt: "2026-01-01T00:00:00Z",
  });
  const sink = new JsonLinesSink(folder.metricsFile);
  sink.write({
    ...{ kind: "run", step: 0, time: "2026-01-01T00:00:00Z", warnings: [] },
    ...{ total_steps: totalSteps, end_step: totalSteps },
  });
  for (let step = every - 1; step < steps; step += every) {
    sink.write({
      kind: "train",
      step,
      epoch: Math.floor(10 * step / totalSteps) + 1,
      loss: 4 - 3.5 * (step + 1) / steps,
      learning_rate: 0.1,
      tau: 0.99,
      images_per_second: 96,
      embedding_std: embeddingStd,
      gradient_norm: 1,
      parameter_norm: 20,
    });
  }
  const held = { top1: heldOut ?? 0, top5: 90, knn_top1: 40, tested: 500 };
  sink.write({
    ...{ kind: "eval", step: steps, epoch: 2, top1, top5: 90, knn_top1: 40, tested },
    ...heldOut !== undefined && { held_out: held },
  });
  sink.close();
  return {
    path: join(path),
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}
