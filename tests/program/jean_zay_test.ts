/** Tests of Jean Zay's rules, as its pages have them: QoS, profiles, modules, ports, disks, and a laptop without any of them. */

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { COMMANDS } from "../../src/options/commands/registry.ts";
import { portOfJob } from "../../src/runtime/rank.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { PROFILES } from "../../src/slurm/profiles.ts";
import { inFolder } from "../support/in_folder.ts";

async function run(
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const [program = "", ...rest] = args;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: rest,
    cwd: projectRoot,
    stdin: "null",
    ...options,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

function task(...words: string[]): string[] {
  return [Deno.execPath(), "task", "--quiet", ...words];
}

Deno.test("100 hours are offered on V100 and H100, and 20 on A100", () => {
  const longest = Object.fromEntries(
    Object.entries(PROFILES).map(([name, { qos }]) => [name, qos.at(-1)]),
  );
  deepEqual(longest["jeanzay-a100"], { name: "qos_gpu_a100-t3", hours: 20 });
  deepEqual(longest["jeanzay-h100"], { name: "qos_gpu_h100-t4", hours: 100 });
  for (const name of ["jeanzay-v100", "jeanzay-v100-16g", "jeanzay-v100-32g"]) {
    deepEqual(longest[name], { name: "qos_gpu-t4", hours: 100 });
  }
});

Deno.test("V100 nodes are asked for without a constraint, unless a memory is chosen", async () => {
  const asked = ["submit", "--dry_run", "--preset=byol_cifar10", "--account=abc"];
  const any = await run(task(...asked, "--profile=jeanzay-v100", "--data_dir=x"));
  equal(any.code, 0, any.err);
  match(any.out, /^#SBATCH --account=abc@v100$/m);
  doesNotMatch(any.out, /--constraint/);
  const large = await run(task(...asked, "--profile=jeanzay-v100-32g", "--data_dir=x"));
  match(large.out, /^#SBATCH --constraint=v100-32g$/m);
});

Deno.test("a laptop without $DSDIR renders and plans a job of Jean Zay", async () => {
  const env = { PATH: Deno.env.get("PATH")!, HOME: Deno.env.get("HOME")! };
  const request = ["--profile=jeanzay-h100", "--account=abc"];
  for (const preset of ["byol_cifar10", "byol_imagenet"]) {
    for (const words of [["submit", "--dry_run"], ["plan", "--images_per_second=9000"]]) {
      const args = task(...words, ...request, `--preset=${preset}`);
      const { code, out, err } = await run(args, { clearEnv: true, env });
      equal(code, 0, `${words} ${preset}: ${err}`);
      doesNotMatch(out, /DSDIR/);
    }
  }
  // On the machine itself missing data is found before the job waits, and doctor fails.
  const there = { clearEnv: true, env: { ...env, DSDIR: "/none" } };
  const missing = await run(
    task("submit", "--dry_run", ...request, "--preset=byol_cifar10"),
    there,
  );
  equal(missing.code, 3, missing.err);
  match(missing.err, /--data_dir=DIR with https:\/\/\S+\/cifar-10-binary\.tar\.gz in it/);
  const node = await run(task("doctor", ...request, "--preset=byol_cifar10"), {
    clearEnv: true,
    env,
  });
  match(node.err + node.out, /\$DSDIR is not set/);
});

Deno.test("jobs meet at ports from 10001 to 20000", () => {
  const ports = Array.from({ length: 20_000 }, (_, job) => portOfJob({ job, step: job % 7 }));
  equal(Math.min(...ports), 10_001);
  equal(Math.max(...ports), 20_000);
});

Deno.test("jobs drop the modules of the shell that submitted them, then load their own", async () => {
  const script = `module() { printf '%s ' module "$@"; }; . slurm/env.sh; byol_modules`;
  const expected = {
    "jeanzay-v100": "module purge ",
    "jeanzay-a100": "module purge module load arch/a100 ",
    "jeanzay-h100": "module purge module load arch/h100 ",
    "generic": "",
  };
  for (const [BYOL_PROFILE, words] of Object.entries(expected)) {
    const { code, out, err } = await run(["bash", "-eu", "-c", script], { env: { BYOL_PROFILE } });
    deepEqual([code, out], [0, words], err);
  }
});

Deno.test("doctor warns of a run folder and shards on a disk that is purged", async () => {
  await inFolder(async (scratch) => {
    const shards = join(scratch, "shards");
    Deno.mkdirSync(shards);
    const doctor = (env: Record<string, string>, ...words: string[]) =>
      run(task("doctor", ...words), { env: { ...env, SLURM_JOB_ID: "" } });
    const purged = await doctor(
      { SCRATCH: scratch },
      ...[`--run_dir=${scratch}/run`, "--computer=jeanzay", "--dataset_name=folder"],
      `--data_dir=${shards}`,
    );
    match(purged.out, /^warn +purge +\S+\/run is below \$SCRATCH, .* 30 days/m);
    match(purged.out, /^warn +purge +\S+\/shards is below \$SCRATCH, .* 30 days/m);
    const kept = await doctor({ SCRATCH: scratch }, "--run_dir=/var/tmp/run");
    doesNotMatch(kept.out, /purge/);
  });
});

Deno.test("doctor shows what the site's quota command says, where it has one", async () => {
  await inFolder(async (folder) => {
    // It stands in for Jean Zay's own command, whose words doctor only passes on.
    const program = join(folder, "idr_quota_project");
    Deno.writeTextFileSync(program, "#!/bin/sh\necho 'WORK 61 % of 5 TB, 97 % of 500k inodes'\n");
    Deno.chmodSync(program, 0o755);
    const PATH = `${folder}:${Deno.env.get("PATH")}`;
    const { out } = await run(task("doctor", `--run_dir=${folder}/run`), { env: { PATH } });
    match(out, /^ok +quota +idr_quota_project: WORK 61 % of 5 TB, 97 % of 500k inodes$/m);
  });
});

Deno.test("examples are of H100 nodes, and no page names what the site no longer has", () => {
  for (const name of ["submit", "plan", "doctor"] as const) {
    for (const [words = ""] of COMMANDS[name].examples) doesNotMatch(words, /a100|v100/);
  }
  const pages = ["README.md", "docs/slurm.md", "docs/jean_zay.md", "docs/imagenet.md"]
    .map((path) => Deno.readTextFileSync(join(projectRoot, path)));
  for (const page of pages) {
    doesNotMatch(page, /@cpu|idrquota|http:\/\/www\.idris\.fr|\/eng\//);
    for (const line of page.split("\n").filter((line) => /deno task|J="/.test(line))) {
      doesNotMatch(line, /jeanzay-a100/, line);
    }
  }
  const guide = pages[2]!;
  const wanted = [
    /--partition=prepost/,
    /idrcontmgr/,
    /\$SINGULARITY_ALLOWED_DIR/,
    /30 days/,
    /idr_quota_user/,
    /idr_quota_project/,
    /https:\/\/www\.idris\.fr\/en\/docs\/jean-zay\//,
    /cifar-10-binary\.tar\.gz/,
    /jeanzay-v100\b/,
  ];
  for (const pattern of wanted) ok(pattern.test(guide), `docs/jean_zay.md lacks ${pattern}`);
});
