/** Estimated times of single files of tests, and the files that run alone. */

/**
 * Files that run alone, each with the reason. Others may run beside each other: what they expect "in time" has room for a
 * machine that is busy, and memory is that of their own processes.
 */
export const EXCLUSIVE: Readonly<Record<string, string>> = {
  "tests/endurance/hangup_test.ts":
    "a stop typed at a terminal must come before the training's end",
  "tests/endurance/pause_test.ts": "the longest of some pauses must be shorter than a step",
  "tests/endurance/signals_test.ts": "runs must end within 5 s of a signal",
  "tests/program/ranks_death_test.ts": "ranks must end within 2 s of a time-out",
  "tests/slurm/jobs_test.ts": "jobs must reach a step before their time limit",
  "tests/unit/base/event_loop_test.ts": "a signal must be seen within about a second",
};

/** Files that compare with the oracle, besides those of the part parity. */
export const NEEDS_ORACLE: readonly string[] = [
  "bench/step_test.ts",
  "tests/unit/setup/gpu_library_test.ts",
];

/** Seconds of files that take more than ten, on two idle cores. They decide the order and nothing else. */
export const SECONDS: Readonly<Record<string, number>> = {
  "bench/gpu_test.ts": 60,
  "tests/parity/photos_test.ts": 30,
  "tests/program/budget_test.ts": 50,
  "tests/program/container_test.ts": 15,
  "tests/program/environments_test.ts": 60,
  "tests/program/folder_recipe_test.ts": 15,
  "tests/program/odd_mounts_test.ts": 20,
  "tests/program/other_path_test.ts": 25,
  "tests/program/ranks_death_test.ts": 48,
  "tests/program/ranks_eval_test.ts": 55,
  "tests/program/ranks_train_test.ts": 93,
  "tests/program/recompute_test.ts": 43,
  "tests/slurm/jobs_test.ts": 300,
  "tests/slurm/nodes_test.ts": 30,
  "tests/unit/byol/online_probe_test.ts": 34,
  "tests/unit/data/photos_test.ts": 38,
  "tests/unit/evaluate/fine_tune_test.ts": 32,
  "tests/unit/setup/gpu_library_test.ts": 84,
};

/** Seconds of `cargo test` with its build. */
export const CARGO_SECONDS = 200;

/** Seconds of a file that SECONDS does not name. */
export const OTHER_SECONDS = 5;

/** Seconds after which a program counts as hanging. */
export const TIMEOUT_SECONDS = { file: 900, slurm: 1500, cargo: 1800, check: 900 };
