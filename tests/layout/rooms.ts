/** The floor plan as data: the rooms of src/, native/src/ and tests/, and what each may import. */

/** A folder and what it may import. */
export interface Room {
  name: string;
  holds: string;
  /** Names of other rooms of the same table. */
  mayImport: readonly string[];
}

/** Rooms of src/, bottom up: a room imports only rooms above its own line that its `mayImport` names. */
export const SRC_ROOMS: readonly Room[] = [
  {
    name: "base",
    holds: "errors and exit codes, the command-line reader and its help, permissions, terminal " +
      "line and progress, files, locks of a folder, other programs, safetensors files, " +
      "event loop, statistics",
    mayImport: [],
  },
  {
    name: "setup",
    holds: "find or install libtorch, build the core, packages, bundle, its record",
    mayImport: ["base"],
  },
  {
    name: "recipes",
    holds: "views, view schedule, schedules, presets, stem: pure data and pure functions",
    mayImport: ["base"],
  },
  {
    name: "native",
    holds: "the boundary: generated symbols, typed calls that add the error buffer and check the " +
      "status, thin disposable classes",
    mayImport: ["base", "setup", "recipes"],
  },
  {
    name: "runtime",
    holds: "rank discovery, GPUs, device, precision, interrupts, sites, hardware fingerprint",
    mayImport: ["base", "setup", "native"],
  },
  {
    name: "byol",
    holds: "the loop, step graph, online probe, divergence checks, the training plan; " +
      "nothing of the program around the loop",
    mayImport: ["base", "recipes", "native"],
  },
  {
    name: "options",
    holds: "the one table of options, each command's own; parse, derive, rules, stored options, " +
      "config files",
    mayImport: ["base", "recipes", "runtime"],
  },
  {
    name: "distributed",
    holds: "ranks of a run (init, barrier, broadcast, shard), rendezvous, failure attribution, " +
      "launch",
    mayImport: ["base", "native", "runtime", "options"],
  },
  {
    name: "run",
    holds:
      "run folder and its record, lock, checkpoints, metrics and sinks, view sheet, trace, result, " +
      "hours and energy, failures",
    mayImport: ["base", "recipes", "native", "runtime", "options", "byol"],
  },
  {
    name: "data",
    holds: "opening images, downloads, bad files, label subsets",
    mayImport: ["base", "setup", "recipes", "native", "runtime", "options"],
  },
  {
    name: "encoder",
    holds: "weights files, transfer, creating a learner from options",
    mayImport: ["base", "recipes", "native", "runtime", "options", "run"],
  },
  {
    name: "evaluate",
    holds: "linear probe, k-NN, logistic regression, fine-tuning, feature files, saved probe",
    mayImport: ["base", "recipes", "native", "runtime", "options", "distributed", "data"],
  },
  {
    name: "export",
    holds: "torchvision, timm, ONNX, safetensors, model card",
    mayImport: ["base", "recipes", "options", "run"],
  },
  {
    name: "report",
    holds: "pages, charts, maps, watch",
    mayImport: [
      ...["base", "recipes", "native", "options", "byol", "run", "data", "encoder", "evaluate"],
    ],
  },
  {
    name: "slurm",
    holds: "submit, plan, doctor, profiles, rendering",
    mayImport: [
      ...["base", "setup", "native", "runtime", "options", "byol", "run", "data", "encoder"],
    ],
  },
  {
    name: "commands",
    holds: "one file a command: train/, replay/, eval, embed, export, views, pack, info, docs",
    mayImport: [
      ...["base", "setup", "recipes", "native", "runtime", "byol", "options", "distributed"],
      ...["run", "data", "encoder", "evaluate", "export"],
    ],
  },
  {
    name: "cli.ts",
    holds: "dispatch only: help and wrong options, set-up, then the command",
    mayImport: ["base", "setup", "options", "commands", "report", "slurm"],
  },
];

/** Rooms of native/src/, bottom up: a room uses only rooms above its own line. */
export const NATIVE_ROOMS: readonly Room[] = roomsInOrder([
  ["error.rs", "statuses, `Error`, `Result`"],
  [
    "torch",
    "calls into libtorch that tch lacks, by the C++ of native/shim/: gradient mode, device, GPUs, " +
    "memory, autocast and scaler, convolution, foreach, L-BFGS, graphs",
  ],
  ["run", "signals, heartbeat, processes, background jobs, ranks"],
  ["network", "layers, ResNet, heads, rotation head, parameters, loss"],
  ["optimizer", "LARS, SGD"],
  ["views", "random numbers, recipe, kernels on CPU and GPU"],
  ["formats", "safetensors header, pickle, zip, files of PyTorch, encoder file, packed shards"],
  ["checkpoint", "digest, reader, snapshot"],
  ["training", "learner, online probe, effective rank, trace"],
  ["data", "data sets: demo, CIFAR, photos; sheet, label subset, jobs with progress"],
  ["evaluation", "probe, neighbours, features, logistic regression, fine-tuning"],
  ["checks", "outputs and views, written for comparison with PyTorch"],
  ["abi", "the macro, arguments, results, handles, guard; one table of exports a noun"],
]);

function roomsInOrder(rows: readonly (readonly [string, string])[]): Room[] {
  return rows.map(([name, holds], index) => ({
    name,
    holds,
    mayImport: rows.slice(0, index).map(([above]) => above),
  }));
}

/** Rooms of tests/; each may import src/ and mod.ts as well, none may import bench/. */
export const TEST_ROOMS: readonly Room[] = [
  { name: "support", holds: "what tests share: launchers, small data, skipping", mayImport: [] },
  {
    name: "fixtures",
    holds: "files that other programs or earlier versions wrote, and what makes them",
    mayImport: ["support"],
  },
  { name: "runner", holds: "the suite's parts, counts, the oracle's packages", mayImport: [] },
  { name: "layout", holds: "the floor plan and what reads it", mayImport: [] },
  {
    name: "unit",
    holds: "`tests/unit/<room>/<file>_test.ts` tests `src/<room>/<file>.ts`",
    mayImport: ["support"],
  },
  { name: "program", holds: "the command line end to end", mayImport: ["support"] },
  {
    name: "parity",
    holds: "comparisons with PyTorch, the oracle",
    mayImport: ["support", "runner"],
  },
  {
    name: "campaigns",
    holds: "the long forms of tests, for `deno task bench`",
    mayImport: ["support", "runner", "parity"],
  },
  {
    name: "endurance",
    holds: "deaths, pauses, full disks, terminals",
    mayImport: ["support", "campaigns"],
  },
  { name: "slurm", holds: "jobs on a Slurm cluster of one machine", mayImport: ["support"] },
  { name: "layout_test.ts", holds: "the test of this plan", mayImport: ["layout", "campaigns"] },
  { name: "words_test.ts", holds: "the test of the project's words", mayImport: ["layout"] },
];

/** The most lines a function of src/ may have, from its name to its closing brace. */
export const FUNCTION_LINES = 60;

/** The most lines a source file may have, tests apart. */
export const FILE_LINES = 400;

/** Files of data, which may be longer than `FILE_LINES`. */
export const TABLE_FILES: readonly string[] = ["src/options/table.ts"];
