/**
 * Cost of the online probe: its step against a step of the training, on the embedded images (ten classes). Both are
 * timed in the same steps, with the smallest network and with resnet18.
 */

import { NORMALISATION, VIEW_RECIPES } from "../src/recipes/views.ts";
import { parseCommandLine } from "../src/options/parse.ts";
import { thisEnvironment } from "../src/options/environment.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/core.ts";
import { createLearner } from "../src/encoder/learner.ts";

const LIMIT_PERCENT = 1;
const CASES = [
  { network: "resnet20", steps: 40 },
  { network: "resnet18", steps: 4 },
] as const;

/** Prints milliseconds of both, and the share; the exit code says whether it is more than 1 %. */
export function bench(): void {
  console.log("| network, batch | step | its online probe | share |\n| --- | --- | --- | --- |");
  for (const { network, steps } of CASES) {
    const args = [`--resnet_type=${network}`, "--batch_size=64"];
    const { config } = parseCommandLine("train", args, thisEnvironment());
    setThreads(config.threads);
    using learner = createLearner(config);
    using dataset = Dataset.open({
      source: { kind: "demo", train: true, count: 1000 },
      dtype: config.dtype,
      workers: config.nbWorkers,
      normalisation: NORMALISATION.demo,
    });
    learner.addProbe(dataset.describe().classes);
    dataset.setRecipes(config.batchSize, VIEW_RECIPES.demo);
    let [step, probe] = [0, 0];
    for (let index = -1; index < steps; index++) {
      const startedAt = performance.now();
      dataset.makeViews(0, index + 1);
      learner.forwardBackward(dataset);
      learner.applyUpdate({ ...config, learningRate: 0.1 });
      learner.moveTarget(0.99);
      const trainedAt = performance.now();
      learner.trainProbe({ learningRate: 0.5, momentum: 0.9 });
      // The first step warms up.
      if (index < 0) continue;
      step += trainedAt - startedAt;
      probe += performance.now() - trainedAt;
    }
    const share = 100 * probe / step;
    console.log(
      `| ${network}, ${config.batchSize} | ${(step / steps).toFixed(1)} ms | ` +
        `${(probe / steps).toFixed(3)} ms | ${share.toFixed(3)} % |`,
    );
    if (share > LIMIT_PERCENT) Deno.exitCode = 1;
  }
}
