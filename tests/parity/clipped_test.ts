/** The probe of BYOL's stronger linear evaluation (appendix C.1) against PyTorch's autograd. */

import { join } from "node:path";
import { setThreads } from "../../src/native/core.ts";
import { Learner } from "../../src/native/learner.ts";
import { Probe } from "../../src/native/probe.ts";
import { PROBE_TRANSFORMS } from "../../src/recipes/views.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { inFolder } from "../support/in_folder.ts";
import { demoImages, NETWORK } from "../support/small_network.ts";
import { askOracle, parityTests } from "./oracle.ts";

const RATE = 2;
// A low bound and a large penalty, so that both matter in one step.
const CLIP = { bound: 0.7, penalty: 0.3 };

parityTests([
  {
    name: "a step on clipped logits equals PyTorch's in float64",
    // Weight and bias.
    least: 2,
    run: () =>
      inFolder(async (folder) => {
        setThreads(1);
        using dataset = demoImages({ count: 64, dtype: "float64" });
        dataset.setProbe(64, PROBE_TRANSFORMS.demo);
        using learner = Learner.create({ ...NETWORK, dtype: "float64" });
        learner.loadEncoder(join(projectRoot, "checkpoints/byol_demo_resnet20.safetensors"));
        using probe = Probe.create({
          ...{ features: learner.features(), classes: 10, dtype: "float64", seed: 2 },
          ...{ momentum: 0, weightDecay: 0, logitClip: CLIP },
        });
        dataset.makeProbeBatch(7, 0);
        const [before, after] = ["before", "after"].map((name) => join(folder, name));
        probe.writeAnswers(learner, dataset, before!);
        probe.train(learner, dataset, RATE);
        probe.writeAnswers(learner, dataset, after!);
        const numbers = [RATE, CLIP.bound, CLIP.penalty].map(String);
        return [await askOracle("clipped.py", [before!, after!, ...numbers])];
      }),
  },
]);
