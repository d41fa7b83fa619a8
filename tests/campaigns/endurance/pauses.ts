/** Time that a save stops the training: the copy between two steps, beside the step itself and the time to write it. */

import { join } from "node:path";
import { NORMALISATION, VIEW_RECIPES } from "../../../src/recipes/views.ts";
import { CheckpointWriter } from "../../../src/run/checkpoint_writer.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { thisEnvironment } from "../../../src/options/environment.ts";
import { yieldToEvents } from "../../../src/base/event_loop.ts";
import { Dataset } from "../../../src/native/dataset.ts";
import { setThreads } from "../../../src/native/core.ts";
import { createLearner } from "../../../src/encoder/learner.ts";
import type { EnduranceRow } from "./row.ts";

const NETWORKS: readonly { name: string; options: string[]; share: number }[] = [
  { name: "ResNet-20, the demo's", options: [], share: 1 },
  {
    name: "ResNet-18 with heads of 4096, 32 images a step",
    options: ["--resnet_type=resnet18", "--hidden_dim=4096", "--z_dim=256", "--batch_size=32"],
    share: 0.25,
  },
];
/** Steps from one save to the next. */
const STEPS_BETWEEN = 2;

/** Saves so often with the small network, and a quarter as often, rounded down, with the large one. */
export async function pauses(times: number): Promise<EnduranceRow[]> {
  const rows: EnduranceRow[] = [];
  for (const { name, options, share } of NETWORKS) {
    const saves = Math.floor(times * share);
    if (saves > 0) rows.push(await pausesOf(name, options, saves));
  }
  return rows;
}

async function pausesOf(name: string, options: string[], times: number): Promise<EnduranceRow> {
  const { config } = parseCommandLine("train", options, thisEnvironment());
  setThreads(config.threads);
  const folder = await Deno.makeTempDir();
  const steps: number[] = [];
  const stops: number[] = [];
  const sizes: number[] = [];
  {
    using learner = createLearner(config);
    using dataset = Dataset.open({
      source: { kind: "demo", train: true, count: config.batchSize },
      dtype: config.dtype,
      workers: config.nbWorkers,
      normalisation: NORMALISATION.demo,
    });
    dataset.setRecipes(config.batchSize, VIEW_RECIPES.demo);
    await using writer = new CheckpointWriter({
      folder,
      learner,
      metadataAt: (step) => ({ step, epoch: 0, config: {} }),
      syncFirst: [],
      savedStep: undefined,
      warn: (line) => console.error(line),
    }, { keepEverySteps: 0, saveEverySteps: 1, saveEveryMinutes: 0, onSaveError: "stop" });
    for (let step = 1; stops.length < times; step++) {
      const startedAt = performance.now();
      dataset.makeViews(0, step);
      learner.forwardBackward(dataset);
      learner.applyUpdate({ ...config, learningRate: 0.1 });
      learner.moveTarget(0.99);
      learner.readMetrics();
      const doneAt = performance.now();
      // The first step allocates what the others use again.
      if (step > 1) steps.push(doneAt - startedAt);
      if (step % STEPS_BETWEEN !== 0) continue;
      await writer.settled();
      const beginsAt = performance.now();
      writer.stepDone(step);
      stops.push(performance.now() - beginsAt);
      await yieldToEvents();
    }
    await writer.settled();
    for (const { name } of Deno.readDirSync(folder)) {
      sizes.push(Deno.statSync(join(folder, name)).size);
    }
  }
  await Deno.remove(folder, { recursive: true });
  const median = steps.sort((a, b) => a - b)[steps.length >> 1] ?? NaN;
  const longest = Math.max(...stops);
  return {
    form: `save beside the training: ${name}`,
    times,
    found: `${(Math.max(...sizes) / 1e6).toFixed(1)} MB; the longest stop is ${
      longest.toFixed(1)
    } ms, a step ${median.toFixed(0)} ms`,
    failures: longest <= median ? [] : [`${longest.toFixed(1)} ms is longer than a step`],
  };
}
