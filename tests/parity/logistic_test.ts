/** Logistic regression against scikit-learn's. */

import { ok } from "node:assert/strict";
import { join } from "node:path";
import { evaluate } from "../../src/evaluate/linear.ts";
import { setThreads } from "../../src/native/core.ts";
import type { Dataset } from "../../src/native/dataset.ts";
import { Features } from "../../src/native/features.ts";
import { Learner } from "../../src/native/learner.ts";
import { Probe } from "../../src/native/probe.ts";
import { Regression } from "../../src/native/regression.ts";
import { PROBE_TRANSFORMS } from "../../src/recipes/views.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { inFolder } from "../support/in_folder.ts";
import { demoImages, NETWORK } from "../support/small_network.ts";
import { askOracle, parityTests } from "./oracle.ts";

const ENCODER = join(projectRoot, "checkpoints/byol_demo_resnet20.safetensors");
const OPTIONS = { dtype: "float64", seed: 2, momentum: 0, weightDecay: 0, classes: 10 } as const;

/** An encoder in float64, with learnt weights. */
function encoder(): Learner {
  const learner = Learner.create({ ...NETWORK, dtype: "float64" });
  learner.loadEncoder(ENCODER);
  return learner;
}

function images(count: number, train: boolean): Dataset {
  const dataset = demoImages({ count, train, dtype: "float64" });
  const test = { resize: 32, crop: 32 };
  dataset.setProbe(count, { ...PROBE_TRANSFORMS.demo, test });
  return dataset;
}

parityTests([
  {
    name: "logistic regression has scikit-learn's coefficients at the same strength",
    // Coefficients, intercepts and objective of three strengths.
    least: 9,
    run: () =>
      inFolder(async (folder) => {
        setThreads(1);
        using dataset = images(400, true);
        using learner = encoder();
        using features = Features.create();
        dataset.makeCenterCrops(0, 400);
        features.append(learner, dataset);
        const embeddings = join(folder, "embeddings");
        learner.writeEmbeddings(dataset, embeddings);
        using regression = Regression.create(features, { classes: 10, seed: 1, heldOut: 0 });
        const probes = [];
        for (const strength of [1e4, 100, 1]) {
          const tight = { iterations: 500, gradientTolerance: 1e-11, changeTolerance: 1e-15 };
          regression.begin({ strength, ...tight });
          const ends = Array.from({ length: 10 }, () => regression.step().converged);
          ok(ends.at(-1), `${strength}: 5,000 iterations`);
          using probe = Probe.create({ ...OPTIONS, features: learner.features() });
          regression.give(probe);
          const path = join(folder, `probe-${strength}`);
          probe.save(learner, { path, metadata: { strength }, withEncoder: false });
          probes.push(path);
        }
        return [await askOracle("logistic.py", [embeddings, ...probes])];
      }),
  },
  {
    name:
      "an evaluation by logistic regression has the accuracy that scikit-learn finds at its strength",
    least: 0,
    run: () =>
      inFolder(async (folder) => {
        setThreads(1);
        using train = images(400, true);
        using test = images(200, false);
        using learner = encoder();
        const found = await evaluate({ learner, train, test }, {
          ...{
            ...OPTIONS,
            transforms: { ...PROBE_TRANSFORMS.demo, test: { resize: 32, crop: 32 } },
          },
          ...{ epochs: 1, batchSize: 100, learningRate: 1, augment: true, sweep: false },
          logistic: true,
        });
        const paths = [];
        for (
          const [name, dataset, count] of [["train", train, 400], ["test", test, 200]] as const
        ) {
          dataset.makeCenterCrops(0, count);
          paths.push(join(folder, name));
          learner.writeEmbeddings(dataset, paths.at(-1)!);
        }
        const strength = found!.details!.l2_strength!;
        const report = await askOracle("logistic.py", ["test", ...paths, String(strength)]);
        const { top1 } = report.extra as { top1: number };
        // Iterations end at 1e-6 here: one of 200 images may fall on the other side of a boundary.
        ok(Math.abs(top1 - found!.top1) < 0.6, `scikit-learn ${top1}, ours ${found!.top1}`);
        ok(top1 > 40 && found!.details!.held_out_top1! > 30, JSON.stringify(found));
        return [report];
      }),
  },
]);
