/** Estimated times of single files of tests, and the files that run alone. */

/** Files that run alone, each with the reason. */
export const EXCLUSIVE: Readonly<Record<string, string>> = {
  "bench/gpu_session_test.ts": "plans a training by its measured rate, in a time that is given",
  "bench/step_test.ts": "measures speeds",
  "tests/endurance/debugger_test.ts": "looks at a port of the whole machine",
  "tests/endurance/pause_test.ts": "compares times",
  "tests/endurance/signals_test.ts": "expects ends within seconds",
  "tests/endurance/terminal_test.ts": "expects ends within seconds",
  "tests/program/ranks_death_test.ts": "expects ends within seconds",
  "tests/slurm/jobs_test.ts": "sends signals to jobs whose moments come by the clock",
  "tests/unit/base/event_loop_test.ts": "counts what happens within a second",
  "tests/unit/setup/gpu_library_test.ts": "holds the lock of .byol",
};

/** Files that compare with the oracle, besides those of the part parity. */
export const NEEDS_ORACLE: readonly string[] = [
  "bench/step_test.ts",
  "tests/unit/setup/gpu_library_test.ts",
];

/** Seconds of files that take more than ten, on two idle cores. They decide the order alone. */
export const SECONDS: Readonly<Record<string, number>> = {
  "bench/gpu_session_test.ts": 60,
  "tests/program/ranks_death_test.ts": 48,
  "tests/program/ranks_eval_test.ts": 55,
  "tests/program/ranks_train_test.ts": 93,
  "tests/program/recompute_test.ts": 43,
  "tests/slurm/jobs_test.ts": 200,
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
