/** Tests of the tasks under the environments that modules, conda, profilers and jobs leave in a shell. */

import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../../src/setup/record.ts";
import type { Outcome } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { png } from "../support/photo_files.ts";
import { TINY } from "../support/program.ts";
import { writeRun } from "../support/run_files.ts";

type Variables = Readonly<Record<string, string>>;

/** A library of this machine that every program can load. */
const LIBRARY = /(\/\S+\/libm\.so\.6)$/m.exec(
  new TextDecoder().decode(
    new Deno.Command("ldd", { args: [Deno.execPath()] }).outputSync().stdout,
  ).replaceAll(/ \(0x[0-9a-f]+\)$/gm, ""),
)![1]!;

/** Variables of each kind of shell, whose files lie in `folder`. */
function environments(folder: string): Readonly<Record<string, Variables>> {
  const talkative = join(folder, "bash_env.sh");
  Deno.writeTextFileSync(talkative, 'echo Loading compiler/13; module() { echo module "$@"; }\n');
  const start = join(folder, "start.py");
  Deno.writeTextFileSync(start, "raise SystemExit('this is for interactive sessions')\n");
  const packages = join(folder, "site packages");
  Deno.mkdirSync(packages);
  return {
    modules: {
      LD_LIBRARY_PATH: "/usr/lib/x86_64-linux-gnu:/opt/none/lib",
      LD_RUN_PATH: "/opt/none/lib",
      LIBRARY_PATH: "/opt/none/lib",
      CPATH: "/opt/none/include",
      MODULEPATH: "/opt/modules",
      LOADEDMODULES: "gcc/13:cuda/13",
      _LMFILES_: "/opt/modules/gcc/13:/opt/modules/cuda/13",
      BASH_ENV: talkative,
      "BASH_FUNC_module%%": '() { echo module "$@"; }',
      "BASH_FUNC_which%%": '() { echo which "$@"; }',
    },
    conda: {
      CONDA_PREFIX: join(folder, "conda"),
      CONDA_DEFAULT_ENV: "base",
      PYTHONHOME: join(folder, "conda"),
      PYTHONPATH: packages,
      PYTHONSTARTUP: start,
      PYTHONNOUSERSITE: "1",
      LD_LIBRARY_PATH: join(folder, "conda/lib"),
      SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt",
      CFLAGS: "-march=nocona",
    },
    profiler: {
      LD_PRELOAD: LIBRARY,
      LD_BIND_NOW: "1",
      CUDA_INJECTION64_PATH: "/opt/none/libinjection.so",
      NSYS_PROFILING_SESSION_ID: "1",
    },
    job: {
      CUDA_VISIBLE_DEVICES: "",
      OMP_NUM_THREADS: "1",
      OMP_PROC_BIND: "close",
      OMP_PLACES: "cores",
      MKL_NUM_THREADS: "1",
      HOME: join(folder, "none"),
      LD_PRELOAD: join(folder, "none.so"),
      NCCL_DEBUG: "INFO",
    },
  };
}

/** Runs a task of deno.json, as `deno task` does. */
async function task(words: readonly string[], env: Variables = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...words],
    cwd: projectRoot,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A short use of each task; `run` is a finished run, `out` a folder to write to. */
function uses(run: string, out: string): string[][] {
  const checkpoint = "--checkpoint=checkpoints/byol_demo_resnet20.safetensors";
  const request = ["--preset=byol_cifar10", `--data_dir=${run}`];
  Deno.mkdirSync(`${out}/images/class`, { recursive: true });
  Deno.writeFileSync(`${out}/images/class/1.png`, png(32, 32, 1));
  return [
    ["setup"],
    [
      "train",
      ...TINY,
      "--limit_train=8",
      "--max_steps=1",
      "--clsf_every=0",
      `--run_dir=${out}/run`,
    ],
    ["eval", checkpoint, "--limit_train=16", "--threads=1", "--protocol=knn"],
    ["embed", checkpoint, "--limit_train=16", "--threads=1", `--out=${out}/features.parquet`],
    ["export", checkpoint, "--to=safetensors", `--out=${out}/export`],
    ["views", `--out=${out}/views.png`],
    ["pack", `--data_dir=${out}/images`, `--out=${out}/shards`],
    ["info", checkpoint],
    ["metrics", `--run_dir=${run}`],
    ["report", `--run_dir=${run}`, `--out=${out}/report.html`],
    ["watch", `--run_dir=${run}`, "--once"],
    ["submit", ...request, "--dry_run"],
    ["plan", ...request, "--images_per_second=100"],
    ["plan", "--measure_steps=1", ...TINY],
    ["doctor", "--threads=1"],
    ["bench", "--help"],
    ["gen", "--check"],
    ["docs", "--check"],
  ];
}

for (const name of ["modules", "conda", "profiler", "job"]) {
  Deno.test(`each task works in the environment: ${name}`, async () => {
    await using run = await writeRun({ steps: 20, every: 1, totalSteps: 20 });
    await inFolder(async (folder) => {
      const env = environments(folder)[name]!;
      for (const words of uses(run.path, folder)) {
        const { code, stderr } = await task(words, env);
        equal(code, 0, `${words.join(" ")}: ${stderr}`);
        doesNotMatch(stderr, /^\s+at \S+ \(|Uncaught|NotCapable/m, words.join(" "));
      }
    });
  });
}

Deno.test("submit gives sbatch the whole environment, and reads env.sh whatever bash prints", async () => {
  await inFolder(async (folder) => {
    const { modules, profiler } = environments(folder);
    // It stands in for a login node's sbatch, and keeps the variables that it was given.
    const sbatch = join(folder, "bin/sbatch");
    Deno.mkdirSync(join(folder, "bin"));
    Deno.writeTextFileSync(sbatch, `#!/bin/bash\nenv --null >"${folder}/variables"\necho 17\n`);
    Deno.chmodSync(sbatch, 0o755);
    const run = join(folder, "run");
    const words = ["submit", "--preset=byol_cifar10", `--data_dir=${folder}`, `--run_dir=${run}`];
    for (const left of [modules!, profiler!, { BASH_ENV: modules!.BASH_ENV! }]) {
      const PATH = `${join(folder, "bin")}:${Deno.env.get("PATH")}`;
      const { code, stdout, stderr } = await task(words, { ...left, PATH, BYOL_ACCOUNT: "abc" });
      equal(code, 0, stderr);
      match(stdout, /^17$/m);
      const given = Deno.readTextFileSync(join(folder, "variables")).split("\0");
      for (const [name, value] of Object.entries(left)) {
        // bash writes a function in its own way.
        const setting = name.startsWith("BASH_FUNC_") ? `${name}=` : `${name}=${value}`;
        ok(given.some((one) => one.startsWith(setting)), `no ${setting} in ${given.join("\n")}`);
      }
      const [file] = [...Deno.readDirSync(join(run, "slurm"))];
      match(Deno.readTextFileSync(join(run, "slurm", file!.name)), /^#SBATCH --account=abc$/m);
      Deno.removeSync(run, { recursive: true });
    }
    const missing = await task(words, { ...modules!, PATH: onlyBash(folder) });
    equal(missing.code, 6, missing.stderr);
    match(missing.stderr, /^Cannot submit: there is no sbatch here/m);
  });
});

/** Returns a PATH on which bash and nothing else is found. */
function onlyBash(folder: string): string {
  const path = join(folder, "only bash");
  Deno.mkdirSync(path);
  Deno.symlinkSync("/bin/bash", join(path, "bash"));
  return path;
}
