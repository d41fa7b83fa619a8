import { equal } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import { oracleFolder } from "../oracle.ts";
import { skip } from "../skip.ts";

async function run(words: string[], environment: Record<string, string> = {}): Promise<string> {
  const [program = "", ...args] = words;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: projectRoot,
    env: environment,
  }).output();
  const text = new TextDecoder().decode(stdout);
  equal(code, 0, `${words.join(" ")}\n${text.slice(0, 2000)}\n${new TextDecoder().decode(stderr)}`);
  return text;
}

const CASES = [
  { name: "float64, joint BN, reference LARS", options: ["--dtype=float64"] },
  {
    name: "float64, separate BN, DeepMind's LARS",
    options: ["--dtype=float64", "--bn_views=separate", "--lars_variant=deepmind"],
  },
  { name: "float64, resnet18", options: ["--dtype=float64", "--resnet_type=resnet18"] },
];

for (const { name, options } of CASES) {
  Deno.test(`steps equal PyTorch's: ${name}`, async () => {
    const oracle = oracleFolder();
    if (oracle === undefined) {
      return skip("PyTorch is not installed (run: deno task test --oracle=install)");
    }
    const folder = await Deno.makeTempDir();
    await run([
      ...[Deno.execPath(), "run", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"],
      ...["--allow-ffi", "--allow-sys", "src/cli.ts", "train", "--threads=1", "--hidden_dim=16"],
      ...["--z_dim=8", "--batch_size=8", "--max_steps=2", "--trace_steps=2"],
      ...[`--run_dir=${folder}/run`, `--trace_dir=${folder}/trace`, ...options],
    ]);
    const traces = [0, 1].map((step) => join(folder, "trace", `trace-00000${step}.safetensors`));
    const text = await run(["python3", "tests/parity/oracle/step.py", ...traces], {
      PYTHONPATH: oracle,
      PYTHONDONTWRITEBYTECODE: "1",
    });
    const report = JSON.parse(text);
    equal(report.ok, true, text);
    equal(report.compared > 300, true, text);
    await Deno.remove(folder, { recursive: true });
  });
}
