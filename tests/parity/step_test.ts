import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { askOracle, parityTests } from "./oracle.ts";
import { STEP_CHECKS } from "./steps.ts";

parityTests([
  ...STEP_CHECKS.short,
  {
    name: "the traces of a run are files that PyTorch can check",
    least: 600,
    run: async () => {
      const folder = await Deno.makeTempDir({ prefix: "byol-traces-" });
      const [run, traces] = [join(folder, "run"), join(folder, "traces")];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
          ...["--allow-sys", "src/cli.ts", "train", "--threads=1", "--hidden_dim=16", "--z_dim=8"],
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
