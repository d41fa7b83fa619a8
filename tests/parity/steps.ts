/** Whole training steps against PyTorch's autograd, and the schedules that they go by. */

import { join } from "node:path";
import { byolViews, NORMALISATION } from "../../src/recipes/views.ts";
import { rotationView } from "../../src/recipes/rotation.ts";
import { constantSchedule } from "../../src/recipes/view_schedule.ts";
import { pretrain } from "../../src/byol/pretrain.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { thisEnvironment } from "../../src/options/environment.ts";
import { deviceOf, openDevice, precisionOf } from "../../src/runtime/device.ts";
import { Dataset } from "../../src/native/dataset.ts";
import { setThreads } from "../../src/native/core.ts";
import { StepTrace } from "../../src/run/trace.ts";
import { createLearner } from "../../src/encoder/learner.ts";
import { SINGLE_PROCESS } from "../../src/runtime/rank.ts";
import { askOracle, OracleConversation, type OracleReport, type ParityCheck } from "./oracle.ts";

/** A run to trace and recompute. */
export interface StepCase {
  /** Options of `train`. */
  options: string[];
  /** Steps of an epoch. */
  stepsPerEpoch: number;
  /** The steps to compare, from 0, in order. */
  steps: number[];
  /** Initial weights, statistics and momentum: as the program draws them, or all at random by PyTorch. */
  start: "drawn" | "randomised";
}

/** Side of the views, in pixels. */
const SIDE = 16;
const BATCH = 8;
const SMALL = ["--hidden_dim=16", "--z_dim=8", `--batch_size=${BATCH}`, "--threads=1"];
const TEN = range(10);
/** Width of the hidden layers of the rotations' head: at 2048, a trace of ten steps has gigabytes. */
const ROTATION_HIDDEN_DIM = 24;

/** The comparisons of steps: what the tests run, and what the bench runs. */
export const STEP_CHECKS: { short: ParityCheck[]; long: ParityCheck[] } = {
  short: [
    stepsCheck("resnet20, float64, joint BN, reference LARS", {
      options: ["--resnet_type=resnet20", "--dtype=float64"],
      steps: TEN,
    }),
    stepsCheck("resnet20, float64, separate BN, DeepMind's LARS, as drawn", {
      options: [
        ...["--resnet_type=resnet20", "--dtype=float64"],
        ...["--bn_views=separate", "--lars_variant=deepmind"],
      ],
      steps: TEN,
      start: "drawn",
    }),
    stepsCheck("resnet20, float64, separate BN, DeepMind's heads and LARS", {
      options: [
        ...["--resnet_type=resnet20", "--dtype=float64", "--heads=deepmind"],
        ...["--bn_views=separate", "--lars_variant=deepmind"],
      ],
      steps: TEN,
    }),
    stepsCheck("resnet20, float64, joint BN, rotation auxiliary", {
      options: ["--resnet_type=resnet20", "--dtype=float64", "--rotation_weight=1.6"],
      steps: TEN,
    }),
    stepsCheck("resnet20, float32, separate BN, rotation auxiliary, in two steps", {
      options: [
        ...["--resnet_type=resnet20", "--dtype=float32", "--rotation_weight=0.5"],
        ...["--bn_views=separate", "--lars_variant=deepmind"],
      ],
      steps: range(2),
    }),
    // At this eta the rates of some tensors are clipped, and those of others are not.
    stepsCheck("resnet20, float64, separate BN, solo-learn's clipped LARS", {
      options: [
        ...["--resnet_type=resnet20", "--dtype=float64", "--lars_variant=clipped"],
        ...["--bn_views=separate", "--eta=0.02"],
      ],
      steps: TEN,
    }),
    stepsCheck("resnet20, float32, separate BN, reference LARS", {
      options: ["--resnet_type=resnet20", "--dtype=float32", "--bn_views=separate"],
      steps: TEN,
    }),
    stepsCheck("resnet18, float64, separate BN, reference LARS", {
      options: ["--resnet_type=resnet18", "--dtype=float64", "--bn_views=separate"],
      steps: range(2),
    }),
    stepsCheck("resnet18, float32, joint BN, DeepMind's LARS", {
      options: ["--resnet_type=resnet18", "--dtype=float32", "--lars_variant=deepmind"],
      steps: range(2),
    }),
    stepsCheck("resnet50, float64, joint BN, reference LARS", {
      options: ["--resnet_type=resnet50", "--dtype=float64"],
      steps: range(1),
    }),
    ...schedulesChecks(),
  ],
  long: [
    ...["resnet20", "resnet18", "resnet50"].flatMap((resnetType) =>
      ["float64", "float32"].flatMap((dtype) =>
        ["joint", "separate"].flatMap((bnViews) =>
          ["reference", "deepmind"].map((variant) =>
            stepsCheck(`${resnetType}, ${dtype}, ${bnViews} BN, ${variant} LARS, 10 steps`, {
              options: [
                ...[`--resnet_type=${resnetType}`, `--dtype=${dtype}`],
                ...[`--bn_views=${bnViews}`, `--lars_variant=${variant}`],
              ],
              steps: TEN,
            })
          )
        )
      )
    ),
    ...schedulesChecks(),
  ],
};

/**
 * The comparisons of steps on a device: float64 step by step and as a whole, float32, and mixed precision by its distance
 * from the truth. On a GPU both sides compute there.
 */
export function deviceStepChecks(hardware: "cpu" | "mono-gpu", hasBf16: boolean): ParityCheck[] {
  const types = [
    { type: "float64", options: ["--dtype=float64"] },
    { type: "float32", options: [] },
    ...hasBf16 ? [{ type: "bf16", options: ["--precision=mixed", "--amp_dtype=bf16"] }] : [],
  ];
  // A trace of resnet18 has hundreds of megabytes.
  const networks = [{ resnetType: "resnet20", steps: TEN }, {
    resnetType: "resnet18",
    steps: range(3),
  }];
  return networks.flatMap(({ resnetType, steps }) =>
    types.map(({ type, options }) =>
      stepsCheck(`${resnetType}, ${type}, ${steps.length} steps, --hardware=${hardware}`, {
        options: [`--resnet_type=${resnetType}`, `--hardware=${hardware}`, ...options],
        steps,
      })
    )
  );
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function stepsCheck(
  name: string,
  { options, steps, start = "randomised" }: {
    options: string[];
    steps: number[];
    start?: StepCase["start"];
  },
): ParityCheck {
  // The learning rate stands at its height from the first step on; an epoch ends on the way.
  const schedule = ["--nb_epochs=4", "--nb_epochs_warmup=0", "--lr_init=0.1", "--tau_base=0.9"];
  const heavy = ["--weight_decay=0.01", "--eta=0.01"];
  return {
    name: `steps equal PyTorch's: ${name}`,
    // More than 60 tensors even of resnet20's online network alone; in mixed precision kinds of tensors are compared.
    least: (options.includes("--precision=mixed") ? 7 : 300) * steps.length,
    run: () =>
      compareSteps({
        options: [...SMALL, ...schedule, ...heavy, ...options],
        stepsPerEpoch: 6,
        steps,
        start,
      }),
  };
}

/** Learning rate and tau where they could be off by one: the first step, the end of the warm-up, middle, last. */
function schedulesChecks(): ParityCheck[] {
  const [epochs, stepsPerEpoch] = [6, 2];
  const total = epochs * stepsPerEpoch;
  return [0, 2, 6, 9].map((warmupEpochs): ParityCheck => {
    const warmup = warmupEpochs * stepsPerEpoch;
    const around = [0, 1, warmup - 1, warmup, warmup + 1, total / 2, total - 1];
    const steps = range(total).filter((step) => around.includes(step));
    return {
      name: `learning rate and tau are the formulas': warm-up ${warmup} of ${total} steps`,
      least: steps.length * 300,
      run: () =>
        compareSteps({
          options: [
            ...SMALL,
            ...["--resnet_type=resnet20", "--dtype=float64", "--lr_init=0.3", "--tau_base=0.95"],
            ...[`--nb_epochs=${epochs}`, `--nb_epochs_warmup=${warmupEpochs}`],
          ],
          stepsPerEpoch,
          steps,
          start: "drawn",
        }),
    };
  });
}

/**
 * Trains with the program's own loop, on small views of the built-in images; hands each traced step to PyTorch,
 * and removes it.
 */
export async function compareSteps(
  { options, stepsPerEpoch, steps, start }: StepCase,
): Promise<OracleReport[]> {
  const folder = await Deno.makeTempDir({ prefix: "byol-steps-" });
  try {
    const files = [`--run_dir=${folder}`, `--trace_dir=${folder}`, `--trace_steps=${steps.length}`];
    const words = [...options, ...files];
    const { config } = parseCommandLine("train", words, thisEnvironment());
    const device = deviceOf(config, SINGLE_PROCESS);
    openDevice(config, device);
    setThreads(config.threads);
    using dataset = Dataset.open({
      source: { kind: "demo", train: true, count: stepsPerEpoch * config.batchSize },
      dtype: config.dtype,
      device,
      workers: 1,
      normalisation: NORMALISATION.demo,
    });
    using learner = createLearner(config, { rotationHiddenDim: ROTATION_HIDDEN_DIM });
    const rotates = config.rotationWeight > 0;
    if (start === "randomised") {
      const path = join(folder, "start.safetensors");
      const { resnetType, dtype, hiddenDim, zDim, heads } = config;
      await askOracle("networks.py", [
        ...["randomise", `--resnet_type=${resnetType}`, "--stem=cifar", `--dtype=${dtype}`],
        ...[`--hidden_dim=${hiddenDim}`, `--z_dim=${zDim}`, `--heads=${heads}`, "--size=8"],
        `--rotation=${rotates ? ROTATION_HIDDEN_DIM : 0}`,
        ...[`--out=${path}`, `--outputs=${join(folder, "outputs.safetensors")}`],
      ]);
      learner.load(path);
      await Deno.remove(path);
    }
    const consecutive = steps.every((step, index) => step === (steps[0] ?? 0) + index);
    await using oracle = new OracleConversation("step.py", [
      ...(consecutive ? [] : ["--allow_gap"]),
      `--device=${config.hardware === "cpu" ? "cpu" : "cuda"}`,
      ...(config.precision === "mixed" ? [`--autocast=${precisionOf(config, device)}`] : []),
      `--total_steps=${config.epochs * stepsPerEpoch}`,
      `--warmup_steps=${config.warmupEpochs * stepsPerEpoch}`,
      `--lr_init=${config.learningRate}`,
      `--tau_base=${config.tauBase}`,
    ]);
    const reports: OracleReport[] = [];
    let written: string | undefined;
    const views = byolViews({ cropSize: SIDE, cropScale: [0.2, 1], blurKernel: 3 });
    await pretrain({ learner, dataset }, {
      ...config,
      stepsPerEpoch,
      augmentation: {
        ...constantSchedule(views),
        ...rotates && { rotation: rotationView(views) },
      },
      firstStep: 0,
      endStep: 1 + Math.max(...steps),
    }, {
      trace: (step, rates) => {
        if (!steps.includes(step)) return undefined;
        const trace = new StepTrace({ learner, dataset }, config, { step, ...rates });
        return () => {
          written = trace.write();
        };
      },
      stepDone: async () => {
        if (written === undefined) return;
        reports.push(await oracle.ask(written));
        await Deno.remove(written);
        written = undefined;
      },
    });
    return reports;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
