import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { coreInfo } from "../../src/native/core.ts";
import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { skip } from "../support/skip.ts";
import { askOracle, parityTests } from "./oracle.ts";
import { deviceStepChecks, STEP_CHECKS } from "./steps.ts";

// What a GPU is asked for, on the processor.
const mixed = deviceStepChecks("cpu", true).filter(({ name }) => name.includes("resnet20, bf16"));
if (!coreInfo().bf16) {
  for (const { name } of mixed) {
    Deno.test(name, () => skip("this processor has neither avx512_bf16 nor amx_bf16", name));
  }
}

parityTests([
  ...STEP_CHECKS.short,
  ...(coreInfo().bf16 ? mixed : []),
  {
    name: "the traces of a run are files that PyTorch can check",
    least: 600,
    run: async () => {
      const folder = await Deno.makeTempDir({ prefix: "byol-traces-" });
      const [run, traces] = [join(folder, "run"), join(folder, "traces")];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", ...RANK_PERMISSIONS],
          ...["src/cli.ts", "train", "--threads=1", "--hidden_dim=16", "--z_dim=8"],
          ...["--batch_size=8", "--max_steps=3", "--trace_steps=2", "--resnet_type=resnet20"],
          ...["--dtype=float64", `--run_dir=${run}`, `--trace_dir=${traces}`],
        ],
        cwd: projectRoot,
      }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
      const files = [...Deno.readDirSync(traces)].map(({ name }) => join(traces, name)).sort();
      deepEqual(files, [0, 1].map((step) => join(traces, `trace-00000${step}.safetensors`)));
      const report = await askOracle("step.py", files);
      await Deno.remove(folder, { recursive: true });
      return [report];
    },
  },
]);
