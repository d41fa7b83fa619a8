/**
 * What the online probe costs: its share of a step's time, call by call, as on a CPU every call ends when its work is
 * done. Beside it what a logged step's figures cost, effective rank among them, spread over --log_every steps.
 */

import { NORMALISATION, VIEW_RECIPES } from "../src/augment.ts";
import { parseCommandLine, thisEnvironment } from "../src/config.ts";
import { Dataset } from "../src/native/dataset.ts";
import { setThreads } from "../src/native/library.ts";
import { createLearner } from "../src/train.ts";

const LIMIT_PERCENT = 1;
const CASES = [
  { name: "the demo's recipe: resnet20", args: [], steps: 30 },
  {
    name: "resnet18 as on CIFAR-10, batch 64",
    args: ["--resnet_type=resnet18", "--batch_size=64", "--hidden_dim=4096", "--z_dim=256"],
    steps: 4,
  },
];

/** Prints the table; the exit code says whether the probe costs more than 1 % of any step. */
export function bench(): void {
  setThreads(1);
  console.log("| step | ms | online probe | figures of a logged step, per step |");
  console.log("| --- | --- | --- | --- |");
  for (const { name, args, steps } of CASES) {
    const { config } = parseCommandLine("train", ["--threads=1", ...args], thisEnvironment());
    using dataset = Dataset.open({
      source: { kind: "demo", train: true, count: 1000 },
      dtype: config.dtype,
      workers: 1,
      normalisation: NORMALISATION.demo,
    });
    dataset.setRecipes(config.batchSize, VIEW_RECIPES.demo);
    using learner = createLearner(config, dataset.describe().classes);
    const { momentum, weightDecay, eta } = config;
    const times = { step: 0, probe: 0, figures: 0 };
    const timed = (what: keyof typeof times, work: () => void): void => {
      const started = performance.now();
      work();
      times[what] += performance.now() - started;
    };
    // The first step allocates.
    for (let step = -1; step < steps; step++) {
      if (step === 0) Object.assign(times, { step: 0, probe: 0, figures: 0 });
      timed("step", () => {
        dataset.makeViews(0, step + 1);
        learner.forwardBackward(dataset);
        learner.applyUpdate({ learningRate: 0.01, momentum, weightDecay, eta });
        learner.moveTarget(0.99);
      });
      timed("probe", () => learner.trainMonitor(0.1));
      timed("figures", () => learner.readMetrics());
    }
    const percent = (part: number): number => 100 * part / times.step;
    const [probe, figures] = [percent(times.probe), percent(times.figures / config.logEverySteps)];
    const milliseconds = (times.step / steps).toFixed(0);
    console.log(`| ${name} | ${milliseconds} | ${probe.toFixed(3)} % | ${figures.toFixed(2)} % |`);
    if (probe > LIMIT_PERCENT) Deno.exitCode = 1;
  }
}
