/** Activation checkpointing: the same bits in less memory. */

import { equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { type CoreInfo, coreInfo, setThreads } from "../../src/native/core.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { Learner, type LearnerOptions } from "../../src/native/learner.ts";
import { byol } from "../support/byol.ts";
import { start, TINY } from "../support/ranks_run.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";
import { byolViews } from "../../src/recipes/views.ts";
import { demoImages, NETWORK } from "../support/small_network.ts";

/** Small views: the network's widths and depths are what matters here. */
const VIEWS = byolViews({ cropSize: 16, cropScale: [0.2, 1], blurKernel: 3 });

/** The weights, statistics and momentum after some steps, each of so many micro-batches, as a checksum. */
function trained(
  options: Partial<LearnerOptions>,
  { steps = 2, microBatches = 1, batchSize = 8 } = {},
): string {
  setThreads(1);
  const network = { ...NETWORK, ...options };
  using dataset = demoImages({ dtype: network.dtype });
  dataset.setRecipes(batchSize, VIEWS);
  using learner = Learner.create(network);
  for (let step = 0; step < steps; step++) {
    for (let microBatch = 0; microBatch < microBatches; microBatch++) {
      dataset.makeViews(7, step * microBatches + microBatch);
      learner.forwardBackward(dataset, { microBatch, microBatches });
    }
    learner.applyUpdate({ learningRate: 0.5, momentum: 0.9, weightDecay: 1e-6, eta: 0.1 });
    learner.moveTarget(0.9);
  }
  const path = Deno.makeTempFileSync({ suffix: ".safetensors" });
  try {
    learner.save(path, {});
    return describeCheckpoint(path).sha256;
  } finally {
    Deno.removeSync(path);
  }
}

const WITH = { activationCheckpointing: true };

Deno.test("networks, passes and micro-batches: the state after some steps is the same, with it and without", () => {
  const cases: [Partial<LearnerOptions>, Parameters<typeof trained>[1]][] = [
    [{}, { steps: 3 }],
    [{ bnViews: "separate", dtype: "float64" }, {}],
    [{}, { microBatches: 2 }],
    [{ resnetType: "resnet50" }, { batchSize: 4 }],
    [{ resnetType: "resnet18", stem: "imagenet" }, { batchSize: 4 }],
  ];
  const states = cases.map(([options, run]) => {
    const kept = trained(options, run);
    equal(trained({ ...options, ...WITH }, run), kept, JSON.stringify({ options, run }));
    return kept;
  });
  equal(new Set(states).size, cases.length);
  notEqual(trained({}, { steps: 2 }), states[0]);
});

Deno.test("bfloat16: the same bits", () => {
  const { bf16 }: CoreInfo = coreInfo();
  if (!bf16) return skip("this processor has neither avx512_bf16 nor amx_bf16");
  equal(trained({ precision: "bf16", ...WITH }), trained({ precision: "bf16" }));
});

Deno.test("two ranks: the same bits; a pass for each view is refused there", () =>
  inFolder(async (folder) => {
    const states = [];
    for (const flag of ["false", "true"]) {
      const run = join(folder, flag);
      const options = [`--activation_checkpointing=${flag}`, `--run_dir=${run}`, "--ranks=2"];
      const { code, stderr } = await start([...TINY, ...options, "--max_steps=3"]).ended;
      equal(code, 0, stderr);
      states.push(describeCheckpoint(join(run, "encoder.safetensors")).sha256);
    }
    equal(states[0], states[1]);
    const { code, stderr } = await byol(
      ...["train", ...TINY, "--activation_checkpointing", "--bn_views=separate", "--ranks=2"],
    );
    equal(code, 2);
    match(
      stderr,
      /Cannot use --activation_checkpointing with --bn_views=separate on several ranks/,
    );
  }));

/** The memory that training ResNet-18 on 32 images takes beside the networks, in MiB. */
async function memoryOf(flag: boolean): Promise<number> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", join(projectRoot, "tests/support/step_memory.ts"), `${flag}`],
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  equal(code, 0, text(stderr));
  return Number(text(stdout));
}

Deno.test("it takes less memory", async () => {
  const [kept, recomputed] = [await memoryOf(false), await memoryOf(true)];
  ok(recomputed < 0.75 * kept, `${recomputed} MiB with it, ${kept} MiB without`);
});
