import { deepEqual, throws } from "node:assert/strict";
import { dirname, join } from "node:path";
import { testFiles } from "./files.ts";

/** Runs `body` in a checkout of empty files. */
function withFiles(paths: readonly string[], body: (root: string) => void): void {
  const root = Deno.makeTempDirSync({ prefix: "byol-files-" });
  try {
    for (const path of ["bench/run.ts", "tests/support/skip.ts", ...paths]) {
      Deno.mkdirSync(join(root, dirname(path)), { recursive: true });
      Deno.writeTextFileSync(join(root, path), "");
    }
    body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("every file of tests belongs to a part", () => {
  const files = {
    "bench/step_test.ts": "units",
    "tests/endurance/kill_test.ts": "endurance",
    "tests/layout_test.ts": "units",
    "tests/parity/views_test.ts": "parity",
    "tests/program/train_test.ts": "units",
    "tests/slurm/jobs_test.ts": "slurm",
    "tests/unit/run/tensorboard/event_file_test.ts": "units",
  };
  withFiles(Object.keys(files), (root) => {
    deepEqual(testFiles(root), Object.entries(files).map(([path, part]) => ({ path, part })));
  });
});

Deno.test("a file of tests that belongs to no part is refused by name", () => {
  const strays = ["bench/peers/x_test.ts", "tests/campaigns/y_test.ts"];
  withFiles(["tests/unit/base/z_test.ts", ...strays], (root) => {
    throws(
      () => testFiles(root),
      /Cannot run bench\/peers\/x_test\.ts, tests\/campaigns\/y_test\.ts: /,
    );
  });
});
