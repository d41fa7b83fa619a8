/** Short trainings of a checkout's program, and the numbers that they end with. */

import { join } from "node:path";
import { checkpointOf, rowsOf, start, withoutTimes } from "../../support/ranks_run.ts";

/** Values by name; each is plain JSON. */
export type Values = Record<string, unknown>;

/** A training and what is read from its folder. */
interface Training {
  /** Options beside SMALL. */
  options: readonly string[];
  /** Steps of the whole run. */
  steps: number;
  /** Step of a first invocation's end; a second invocation resumes the run. Default: one invocation. */
  interruptedAt?: number;
}

/** One epoch of four steps of the smallest network. */
const SMALL: readonly string[] = [
  "--resnet_type=resnet20",
  "--hidden_dim=16",
  "--z_dim=8",
  "--batch_size=8",
  "--limit_train=32",
  "--nb_epochs=1",
  "--nb_epochs_warmup=0",
  "--clsf_every=0",
  "--log_every=1",
  "--threads=1",
  "--nb_workers=1",
  "--tensorboard=false",
];

/** One epoch of two steps of resnet18. */
const RESNET18 = ["--resnet_type=resnet18", "--batch_size=4", "--limit_train=8"];

/** Evaluation options of the training and of `eval`: each image passes the encoder once. */
const EVALUATION = ["--clsf_augment=false", "--nb_epochs_clsf=2"];

/** The plain training: its folder serves the command lines that need a run. */
export const PLAIN = "resnet20 float32";
const EVALUATED = "evaluations";

const TRAININGS: Readonly<Record<string, Training>> = {
  [PLAIN]: { options: [], steps: 4 },
  "resnet20 float64": { options: ["--dtype=float64"], steps: 4 },
  "resnet20 float32, two ranks": { options: ["--ranks=2"], steps: 4 },
  "resnet20 float64, two ranks": { options: ["--ranks=2", "--dtype=float64"], steps: 4 },
  "resnet18 float32": { options: RESNET18, steps: 2 },
  "resnet18 float64": { options: [...RESNET18, "--dtype=float64"], steps: 2 },
  "resnet18 float32, two ranks": { options: [...RESNET18, "--ranks=2"], steps: 2 },
  "resnet18 float64, two ranks": {
    options: [...RESNET18, "--ranks=2", "--dtype=float64"],
    steps: 2,
  },
  "micro-batches": { options: ["--accumulate_steps=2"], steps: 4 },
  "separate batch statistics": { options: ["--bn_views=separate"], steps: 4 },
  "DeepMind's LARS": { options: ["--lars_variant=deepmind"], steps: 4 },
  "no online probe": { options: ["--online_probe=false"], steps: 4 },
  "another seed": { options: ["--seed=7"], steps: 4 },
  "resume": { options: [], steps: 4, interruptedAt: 2 },
  "resume, micro-batches, two ranks": {
    options: ["--accumulate_steps=2", "--ranks=2"],
    steps: 4,
    interruptedAt: 2,
  },
  [EVALUATED]: { options: ["--clsf_every=1", ...EVALUATION], steps: 4 },
};

/** Returns the command line of a small training. */
export function trainingArgs(runDir: string, ...options: readonly string[]): string[] {
  return ["train", ...SMALL, `--run_dir=${runDir}`, ...options];
}

/** Runs all trainings of the checkout `root`; each has a folder in `folder`, by its name. */
export async function measureTrainings(
  root: string,
  folder: string,
  log: (line: string) => void,
): Promise<Values> {
  const values: Values = {};
  for (const [name, training] of Object.entries(TRAININGS)) {
    log(name);
    const runDir = join(folder, name);
    Object.assign(values, prefixed(name, await measureTraining(root, runDir, training)));
  }
  log("eval");
  const checkpoint = checkpointOf(join(folder, EVALUATED), TRAININGS[EVALUATED]!.steps);
  const args = [`--checkpoint=${checkpoint}`, "--threads=1", "--format=json", ...EVALUATION];
  const { code, stdout } = await start(["eval", ...args], {}, { root }).ended;
  values["eval: exit code"] = code;
  values["eval: result"] = parsed(stdout);
  return values;
}

async function measureTraining(
  root: string,
  runDir: string,
  { options, steps, interruptedAt }: Training,
): Promise<Values> {
  const invocations = interruptedAt === undefined ? [[]] : [[`--max_steps=${interruptedAt}`], []];
  const codes: number[] = [];
  for (const more of invocations) {
    const { code } = await start(trainingArgs(runDir, ...options, ...more), {}, { root }).ended;
    codes.push(code);
  }
  return {
    "exit codes": codes,
    checkpoint: await described(root, checkpointOf(runDir, steps)),
    encoder: await described(root, join(runDir, "encoder.safetensors")),
    rows: rowsOf(runDir).map(withoutTimes),
  };
}

/** Returns what `info` says of a file's tensors and place in the run; its options are compared elsewhere. */
async function described(root: string, path: string): Promise<unknown> {
  const args = ["info", `--checkpoint=${path}`, "--format=json"];
  const { code, stdout } = await start(args, {}, { root }).ended;
  if (code !== 0) return { code };
  const { step, epoch, tensors, sha256 } = JSON.parse(stdout);
  return { step, epoch, tensors, sha256 };
}

function prefixed(name: string, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([what, value]) => [`${name}: ${what}`, value]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
