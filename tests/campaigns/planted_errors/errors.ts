/** The errors that the suite is there to catch, as data. */

/** An error to plant. */
export interface PlantedError {
  name: string;
  file: string;
  /** A text that stands in the file once. */
  right: string;
  wrong: string;
  /** The tests that should go red: a file and a part of their names. */
  tests: string;
  filter: string;
  /** Message that the tests must fail with: a test that fails for another reason has caught nothing. */
  says: RegExp;
}

const STEP = { tests: "tests/parity/step_test.ts", filter: "resnet20, float64, joint BN" };
const CLIPPED = { ...STEP, filter: "clipped LARS" };
const ROTATION = { ...STEP, filter: "float64, joint BN, rotation auxiliary" };
const SCHEDULE = { tests: "tests/parity/step_test.ts", filter: "warm-up 4 of 12" };
const DRAWS = { tests: "tests/parity/views_test.ts", filter: "cifar10, view" };

/** The errors, each with the tests that catch it. */
export const ERRORS: readonly PlantedError[] = [
  {
    name: "loss direction: each view against its own target",
    file: "native/src/network/loss.rs",
    right: "targets.f_roll([half], [0])?",
    wrong: "targets.f_roll([0], [0])?",
    says: /loss: difference/,
    ...STEP,
  },
  {
    name: "LARS exclusion: biases and BN are decayed and adapted",
    file: "native/shim/foreach.cpp",
    right: "if ((weights[index].dim() <= 1) != vectors) continue;",
    wrong: "if ((weights[index].dim() <= 0) != vectors) continue;",
    says: /momentum\.after\.encoder\.bn1\.\w+: difference/,
    ...STEP,
  },
  {
    name: "EMA of buffers: running statistics too are averaged into the target",
    file: "native/src/training/learner/step.rs",
    right: "let learned = networks.into_iter().flat_map(Parameters::learned);",
    wrong: "let learned = networks.into_iter().flat_map(|all| {\n" +
      "                all.entries.iter().filter(|entry| entry.tensor.kind() != tch::Kind::Int64)\n" +
      "            });",
    says: /target\.after\..*running_\w+: difference/,
    ...STEP,
  },
  {
    name: "heads: DeepMind's have the reference program's biases",
    file: "native/src/network/heads.rs",
    right: "let first = heads == Heads::Deepmind;",
    wrong: "let first = heads == Heads::Deepmind && hidden == 0;",
    says: /\b[03]\.bias/,
    ...{ ...STEP, filter: "DeepMind's heads" },
  },
  {
    name: "LARS clipping: the adapted rate has no bound",
    file: "native/shim/foreach.cpp",
    right: ".div_(lengths).div_(rate).clamp_max_(1);",
    wrong: ".div_(lengths).div_(rate);",
    says: /momentum\.after\.\S+: difference/,
    ...CLIPPED,
  },
  {
    name: "rotation auxiliary: the rotated images move the running statistics",
    file: "native/src/training/learner/rotation.rs",
    right: "&turned, Pass::Still)?;",
    wrong: "&turned, Pass::Train)?;",
    says: /online\.after\.encoder\.\S*(running_\w+: difference|num_batches_tracked)/,
    ...ROTATION,
  },
  {
    name: "rotation auxiliary: images turn the other way",
    file: "native/src/network/rotation.rs",
    right: "images.f_rot90(turns, [2, 3])",
    wrong: "images.f_rot90(turns, [3, 2])",
    says: /rotation(Loss|_logits): difference/,
    ...ROTATION,
  },
  {
    name: "rotation auxiliary: its loss is added without its weight",
    file: "native/src/training/learner/rotation.rs",
    right: "loss.f_mul_scalar(options.weight / images as f64)?",
    wrong: "loss.f_mul_scalar(1.0 / images as f64)?",
    says: /grad\.(encoder|rotation)\.\S+: difference/,
    ...ROTATION,
  },
  {
    name: "tau index: one step ahead",
    file: "src/byol/pretrain.ts",
    right: "tauAt(step, {",
    wrong: "tauAt(step + 1, {",
    says: /tau: difference/,
    ...SCHEDULE,
  },
  {
    name: "solarize threshold: 127/255",
    file: "src/recipes/views.ts",
    right: "  hue: 0.1,\n  grayscaleProbability: 0.2,\n  blurSigma: [0.1, 2],\n" +
      "  solarizeThreshold: 128 / 255,",
    wrong: "  hue: 0.1,\n  grayscaleProbability: 0.2,\n  blurSigma: [0.1, 2],\n" +
      "  solarizeThreshold: 127 / 255,",
    says: /solarize/i,
    ...DRAWS,
  },
  {
    name: "blur probability: the first view's 0.9",
    file: "src/recipes/views.ts",
    right: "blurProbability: 1, solarizeProbability: 0 }",
    wrong: "blurProbability: 0.9, solarizeProbability: 0 }",
    says: /blur/i,
    ...DRAWS,
  },
];
