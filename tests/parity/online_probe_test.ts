/** A step of the online probe against PyTorch's SGD and cross-entropy. */

import { equal } from "node:assert/strict";
import { join } from "node:path";
import { checkpointPath } from "../../src/run/checkpoint.ts";
import { byol } from "../support/byol.ts";
import { askOracle, parityTests } from "./oracle.ts";

parityTests([{
  name: "a step of the online probe equals PyTorch's",
  least: 7,
  run: async () => {
    const folder = await Deno.makeTempDir({ prefix: "byol-online-probe-" });
    const checkpoints = join(folder, "checkpoints");
    // Each invocation leaves a checkpoint of its last step, and the second one's only step is traced.
    for (const steps of [2, 3]) {
      const { code, stderr } = await byol(
        ...["train", "--threads=1", "--hidden_dim=16", "--z_dim=8", "--batch_size=16"],
        ...["--dtype=float64", "--log_every=1", "--clsf_every=0", "--trace_steps=1"],
        ...["--limit_train=64", `--max_steps=${steps}`, `--run_dir=${folder}`],
      );
      equal(code, 0, stderr);
    }
    const report = await askOracle("online_probe.py", [
      `--before=${checkpointPath(checkpoints, 2)}`,
      `--after=${checkpointPath(checkpoints, 3)}`,
      `--trace=${join(folder, "traces", "trace-000002.safetensors")}`,
      `--metrics=${join(folder, "metrics.jsonl")}`,
      ...["--learning_rate=0.5", "--momentum=0.9"],
    ]);
    await Deno.remove(folder, { recursive: true });
    return [report];
  },
}]);
