/** The scripts of slurm/ and what renders, plans and examines them, without a Slurm: the real one is in tests/slurm/. */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { type Environment, thisEnvironment } from "../../src/options/environment.ts";
import { ExitCode, UserError } from "../../src/base/exit_codes.ts";
import { projectRoot } from "../../src/setup/record.ts";
import type { CommandName } from "../../src/options/commands/registry.ts";
import { type ProfileName, SUBMIT } from "../../src/options/commands/slurm.ts";
import { driverProblem, gpuProblem } from "../../src/runtime/gpu_fit.ts";
import { planOf } from "../../src/slurm/plan.ts";
import { PROFILES } from "../../src/slurm/profiles.ts";
import { directives, render } from "../../src/slurm/render.ts";
import { budgetPrice, JOBS, readRequest, type Request } from "../../src/slurm/request.ts";
import { writePhotoFolder } from "../support/photo_files.ts";
import { skip } from "../support/skip.ts";

const environment: Environment = thisEnvironment();

function request(...args: string[]): Request {
  return readRequest(args, { spec: SUBMIT, environment }).request;
}

/** A request for Jean Zay's nodes, whatever this machine has. */
function onJeanZay(name: ProfileName, ...args: string[]): Request {
  const profile = PROFILES[name];
  const qos = profile.qos.find((one) => one.name === profile.defaultQos);
  const { gpusPerNode: ranksPerNode, coresPerRank } = profile;
  const rest = { ranksPerNode, coresPerRank, gpus: true, account: "abc" };
  return { ...request(...args), profileName: name, profile, qos, ...rest };
}

async function program(
  command: CommandName,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  return await programWith({}, command, ...args);
}

async function programWith(
  env: Record<string, string>,
  command: CommandName,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", "src/cli.ts", command, ...args],
    cwd: projectRoot,
    env,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("shellcheck has nothing to say on the scripts, as they are and rendered", async () => {
  const folder = await Deno.makeTempDir();
  const files = ["env.sh", "job.sh", ...Object.values(JOBS).map(({ script }) => script)]
    .map((name) => join("slurm", name));
  for (const [job, { script }] of Object.entries(JOBS)) {
    if (job === "eval") continue;
    const template = Deno.readTextFileSync(join(projectRoot, "slurm", script));
    const file = join(folder, script);
    const found = request(`--job=${job}`, "--aug_schedule=it's a file.json");
    Deno.writeTextFileSync(file, render(found, { template, root: projectRoot }));
    files.push(file);
  }
  let answer: Deno.CommandOutput;
  try {
    answer = await new Deno.Command("shellcheck", {
      args: [
        "--external-sources",
        `--source-path=${join(projectRoot, "slurm")}`,
        ...files,
        ".ci/run",
      ],
      cwd: projectRoot,
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return skip("there is no shellcheck; run as root: apt-get install -y shellcheck");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  equal(answer.code, 0, new TextDecoder().decode(answer.stdout));
});

Deno.test("every script has a time limit, keeps its log, and never sends SIGUSR1", () => {
  for (const { script } of Object.values(JOBS)) {
    const text = Deno.readTextFileSync(join(projectRoot, "slurm", script));
    const signal = script === "eval.sbatch" ? [] : ["--signal=B:USR2@"];
    for (const line of ["--time=", "--open-mode=append", "--requeue", ...signal]) {
      match(text, new RegExp(`^#SBATCH ${line}`, "m"), `${script}: ${line}`);
    }
    ok(!/USR1|npx/.test(text), script);
  }
  const shared = Deno.readTextFileSync(join(projectRoot, "slurm", "job.sh"));
  match(shared, /srun --kill-on-bad-exit=1 --cpus-per-task=/);
  ok(!/-USR1|trap .*USR1/.test(shared));
});

Deno.test("the table of docs/slurm.md has every exit code of a job", () => {
  const page = Deno.readTextFileSync(join(projectRoot, "docs/slurm.md"));
  const [, table = ""] = page.split(/^\| exit code of a job .*$/m);
  const listed = (table.split("\n\n")[0] ?? "").split("\n").slice(2).flatMap((row) => {
    const [, codes = ""] = row.split("|");
    return codes.split(",").flatMap((part) => {
      const [first = NaN, last = first] = part.split("–").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  });
  const files = ["job.sh", ...Object.values(JOBS).map(({ script }) => script)];
  const scripts = files.map((name) => Deno.readTextFileSync(join(projectRoot, "slurm", name)));
  const written = scripts.flatMap((text) =>
    [...text.matchAll(/^ *(?:exit |byol_(?:interrupted|no_deno|lost)=)(\d+)$/gm)].map(([, code]) =>
      Number(code)
    )
  );
  ok(written.length >= 6, `${written}`);
  for (const code of [...written, ...Object.values(ExitCode)]) {
    ok(listed.includes(code), `${code} is not in ${listed}`);
  }
});

Deno.test("each profile of Jean Zay asks for its nodes", () => {
  const expected = {
    "jeanzay-v100-16g": ["abc@v100", "v100-16g", "qos_gpu-t3", "4", "10"],
    "jeanzay-v100-32g": ["abc@v100", "v100-32g", "qos_gpu-t3", "4", "10"],
    "jeanzay-a100": ["abc@a100", "a100", "qos_gpu_a100-t3", "8", "8"],
    "jeanzay-h100": ["abc@h100", "h100", "qos_gpu_h100-t3", "4", "24"],
  } satisfies Partial<Record<ProfileName, string[]>>;
  for (const [name, [account, constraint, qos, gpus, cores]] of Object.entries(expected)) {
    const lines = directives(onJeanZay(name as ProfileName, "--nodes=2"));
    for (
      const line of [
        ...[`--account=${account}`, `--constraint=${constraint}`, `--qos=${qos}`, "--nodes=2"],
        ...[`--ntasks-per-node=${gpus}`, `--gres=gpu:${gpus}`, `--cpus-per-task=${cores}`],
        ...["--hint=nomultithread", "--time=20:00:00", "--open-mode=append", "--signal=B:USR2@180"],
      ]
    ) {
      ok(lines.includes(line), `${name}: ${line} is not in ${lines.join(" ")}`);
    }
  }
  const modules = Deno.readTextFileSync(join(projectRoot, "slurm", "env.sh"));
  for (const [name, { archModule }] of Object.entries(PROFILES)) {
    if (archModule !== null) match(modules, new RegExp(`${name}\\) module load ${archModule} `));
  }
});

Deno.test("submit --dry_run prints the script with sbatch's own options last", async () => {
  const { code, out, err } = await program(
    ...[
      "submit",
      "--profile=generic",
      "--nodes=2",
      "--ranks_per_node=4",
      "--job=chain",
      "--links=4",
    ] as const,
    ...["--time=1:30:00", "--preset=byol_cifar10", "--data_dir=a b", "--dry_run"],
    ...["--", "--partition=long", "-w", "node1"],
  );
  equal(code, 0, err);
  const lines = out.split("\n");
  const sbatch = lines.filter((line) => line.startsWith("#SBATCH ")).map((line) => line.slice(8));
  deepEqual(sbatch.slice(-2), ["--partition=long", "-w node1"]);
  for (const line of ["--array=1-4%1", "--nodes=2", "--ntasks-per-node=4", "--time=01:30:00"]) {
    ok(sbatch.includes(line), line);
  }
  const run = join(projectRoot, "runs", "byol_cifar10");
  ok(lines.includes(`set -- --preset=byol_cifar10 '--data_dir=a b' --run_dir=${run}`), out);
});

Deno.test("ImageNet on two nodes of Jean Zay is planned and rendered", async () => {
  const asked = ["--profile=jeanzay-a100", "--preset=byol_imagenet", "--nodes=2", "--data_dir=x"];
  const { code, out, err } = await program("submit", ...asked, "--account=abc", "--dry_run");
  equal(code, 0, err);
  const run = join(projectRoot, "runs", "byol_imagenet");
  for (
    const line of [
      ...["#SBATCH --constraint=a100", "#SBATCH --account=abc@a100", "#SBATCH --nodes=2"],
      "set -- --computer=jeanzay --hardware=multi-gpu --preset=byol_imagenet --data_dir=x " +
      `--run_dir=${run}`,
    ]
  ) ok(out.split("\n").includes(line), `${line} is not in ${out}`);
  const plan = await program("plan", ...asked, "--images_per_second=10000");
  equal(plan.code, 0, plan.err);
  match(plan.out, /^steps +312 an epoch of batch 4096, 312000 in all$/m);
  match(plan.out, /^links +\d+ of 20:00:00 under qos_gpu_a100-t3$/m);
});

Deno.test("submit takes BYOL_RUNS for runs without a folder, and an evaluation's options from its checkpoint", async () => {
  const submit = (env: Record<string, string>, ...args: string[]) =>
    programWith(env, "submit", "--dry_run", ...args);
  const there = await submit({ BYOL_RUNS: "/scratch/me" }, "--preset=byol_cifar10", "--data_dir=x");
  match(there.out, / --run_dir=\/scratch\/me\/byol_cifar10$/m);
  match(there.out, /^#SBATCH --output=\/scratch\/me\/byol_cifar10\/slurm\//m);
  const never = await submit({}, "--resume=never");
  match(never.err, /Cannot submit: --resume=never would refuse/);
  const evaluate = (...args: string[]) => submit({}, "--job=eval", ...args);
  const demo = "--checkpoint=checkpoints/byol_demo_resnet20.safetensors";
  equal((await evaluate(demo, "--resnet_type=resnet18")).code, 5);
  // One that a training is yet to write.
  equal((await evaluate("--checkpoint=runs/none/encoder.safetensors")).code, 0);
});

Deno.test("submit knows the project's folder in an allocation begun elsewhere, and a job without a Deno", async () => {
  const submit = (env: Record<string, string>) => programWith(env, "submit", "--dry_run");
  const elsewhere = await submit({ SLURM_JOB_ID: "1", SLURM_SUBMIT_DIR: "/" });
  match(elsewhere.out, new RegExp(` --run_dir=${projectRoot}/runs/`), elsewhere.err);
  equal(elsewhere.err, "");
  const none = await submit({ BYOL_DENO: "/none/deno" });
  match(none.err, /Cannot submit: there is no Deno at \/none\/deno.*deno task setup.*BYOL_DENO/);
  const left = await submit({ RANK: "3", WORLD_SIZE: "2" });
  equal(left.code, 0, left.err);
});

Deno.test("what sbatch reads is quoted, and what it cannot be told is refused", () => {
  const last = (...args: string[]): string => directives(request(...args)).at(-1) ?? "";
  equal(last("--", '--comment=it\'s "50%" #1 \\ $x'), `"--comment=it's \\"50%\\" #1 \\\\ $x"`);
  equal(last("--", "-w", "node 1"), '-w "node 1"');
  const log = (...args: string[]): string | undefined =>
    directives(request(...args)).find((line) => /^"?--output/.test(line));
  equal(log("--run_dir=/a b/50%j"), '"--output=/a b/50%%j/slurm/%x-%j.out"');
  equal(log("--run_dir=/a#b"), '"--output=/a#b/slurm/%x-%j.out"');
  const refused = [
    ["--run_dir=/a\n#SBATCH --account=b"],
    ["--run_dir=/a\rb"],
    ["--account=a\n#SBATCH --partition=b"],
    ["--", "--comment=a\nb"],
  ];
  for (const args of refused) {
    throws(() => directives(request(...args)), /Cannot pass ".*" to sbatch: expected one line$/);
  }
  throws(() => directives(request("--run_dir=/a\\b")), /\/a\\b.*without a backslash$/);
});

Deno.test("plan measures one rank in a shell that holds a launcher's variables", async () => {
  const torchrun = { RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "29999" };
  const task = { SLURM_STEP_ID: "0", SLURM_JOB_ID: "1", SLURM_PROCID: "0", SLURM_LOCALID: "0" };
  const step = { ...task, SLURM_STEP_NUM_TASKS: "2", SLURM_STEP_NODELIST: "localhost" };
  const tiny = ["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--nb_epochs=2"];
  for (const env of [torchrun, step]) {
    const { code, out, err } = await programWith(env, "plan", ...tiny, "--measure_steps=2");
    equal(code, 0, err);
    match(out, /measured in 2 steps here/);
  }
});

Deno.test("the scripts read options with an equals sign and after a space", async () => {
  const script =
    '. slurm/job.sh; printf "%s/" "$(byol_option run_dir "$@")" "$(byol_option preset "$@")"';
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", "--preset", "a", "--run_dir=b", "--seed=1", "--preset", "c d"],
    cwd: projectRoot,
    env: { SLURM_JOB_ID: "1" },
  }).output();
  equal(new TextDecoder().decode(stdout), "b/c d/");
});

Deno.test("what cannot run is refused before anything waits in a queue", () => {
  const cases: [string[], RegExp][] = [
    [
      ["--profile=jeanzay"],
      /--profile=jeanzay: expected generic, jeanzay-v100, jeanzay-v100-16g, .*; did you mean jeanzay-/,
    ],
    [["--job=trian"], /--job=trian: expected train, eval, seeds or chain/],
    [["--nodes=0"], /--nodes=0: expected a whole number of at least 1/],
    [["--time=20"], /--time=20: expected hours, minutes and seconds/],
    [
      ["--profile=jeanzay-a100", "--qos=qos_gpu-t4"],
      /--qos=qos_gpu-t4: expected one of qos_gpu_a100-dev/,
    ],
    [["--time=30:00:00"], /at most 20 hours/],
    [["--epochs=3"], /--epochs: no such option, did you mean --nb_epochs$/],
    [["--job=eval"], /run deno task submit without --checkpoint: expected --checkpoint=FILE$/],
    [["--nodes"], /--nodes without a value/],
    [["--ranks_per_node=3", "--batch_size=64"], /--batch_size=64 on 3 ranks: expected a multiple/],
  ];
  for (const [args, message] of cases) {
    throws(() => request(...args), (error) => {
      ok(error instanceof UserError, String(error));
      match(error.message, message);
      return true;
    });
  }
});

Deno.test("a plan counts steps, evaluations, GPU-hours and links", () => {
  const asked = onJeanZay("jeanzay-a100", "--preset=byol_cifar10", "--data_dir=x");
  const plan = planOf(asked, { imagesPerSecond: 1000 });
  equal(plan.stepsPerEpoch, 97);
  equal(plan.totalSteps, 77_600);
  equal(plan.images, 77_600 * 512);
  equal(plan.evaluations, 9);
  // The neighbours embed both sets, 90 epochs of the probe the training images, its test the others: each forward pass
  // is an eighth of a training image.
  equal(plan.evaluationSeconds, 9 * (91 * 50_000 + 2 * 10_000) / 8 / 1000);
  equal(plan.trainingSeconds, 77_600 * 512 / 1000);
  equal(plan.deviceHours, plan.totalSeconds / 3600 * 8);
  equal(plan.links, 1);
  equal(planOf(asked, { imagesPerSecond: 100 }).links, 7);
});

Deno.test("a plan counts the evaluations that train makes of a run cut short", () => {
  const evaluations = (...args: string[]): number =>
    planOf(onJeanZay("jeanzay-a100", "--preset=byol_cifar10", "--data_dir=x", ...args), {
      imagesPerSecond: 1000,
    }).evaluations;
  // Every 9,700 steps; neither before the training nor at the end.
  equal(evaluations("--max_steps=40000"), 4);
  equal(evaluations("--max_steps=40000", "--eval_at_end"), 5);
  equal(evaluations("--max_steps=38800", "--eval_at_end"), 4);
  equal(evaluations("--max_steps=100"), 0);
  equal(evaluations("--max_steps=100", "--eval_at_end"), 1);
});

Deno.test("a plan of a budget has its GPU-hours, and the epochs that end within it", () => {
  const asked = (...args: string[]): Request =>
    onJeanZay("jeanzay-a100", "--preset=byol_cifar10", "--data_dir=x", "--clsf_every=0", ...args);
  const plan = planOf(asked("--time_budget=2h"), { imagesPerSecond: 1000 });
  // 95 % of two hours, without two minutes for the start.
  equal(plan.epochs, Math.floor((0.95 * 7200 - 120) / (97 * 512 / 1000)));
  equal(plan.totalSteps, plan.epochs * 97);
  deepEqual([plan.totalSeconds, plan.deviceHours], [7200, 16]);
  equal(budgetPrice(asked("--time_budget=2h")), "2h × 8 GPUs = 16.0 GPU-hours");
  equal(
    budgetPrice({ ...asked("--time_budget=90m"), job: "seeds", seeds: 3 }),
    "90m × 8 GPUs × 3 seeds = 36.0 GPU-hours",
  );
  equal(budgetPrice(request("--time_budget=30m")), "30m × 1 core = 0.5 core-hours");
  equal(budgetPrice(asked()), undefined);
});

Deno.test("plan and submit print the price of a budget", async () => {
  const job = ["--profile=jeanzay-h100", "--preset=byol_cifar10", "--data_dir=x"];
  const budget = "--time_budget=30m";
  const planned = await program("plan", ...job, budget, "--images_per_second=20000");
  equal(planned.code, 0, planned.err);
  match(planned.out, /^budget +30m × 4 GPUs = 2\.0 GPU-hours; about \d+ epochs, which the run/m);
  match(planned.out, /^total +30\.0 min$/m);
  match(planned.out, /^GPU-hours +2\.0$/m);
  const submitted = await program("submit", ...job, budget, "--account=abc", "--dry_run");
  equal(submitted.code, 0, submitted.err);
  match(submitted.err, /^--time_budget: 30m × 4 GPUs = 2\.0 GPU-hours$/m);
  match(submitted.out, /--time_budget=30m/);
  // The short run that measures has no budget of its own.
  const tiny = ["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1"];
  const measured = await program("plan", ...tiny, "--time_budget", "1h");
  equal(measured.code, 0, measured.err);
  match(measured.out, /^core-hours +1\.0$/m);
});

Deno.test("a plan prices a probe on cached features as two passes and the classifier's steps", () => {
  const seconds = (...args: string[]): number =>
    planOf(onJeanZay("jeanzay-a100", "--preset=byol_cifar10", "--data_dir=x", ...args), {
      imagesPerSecond: 1000,
    }).evaluationSeconds / 9;
  const embedding = 60_000 / 8 / 1000;
  const cached = seconds("--clsf_augment=false");
  ok(cached > embedding && cached < embedding + 60, `${cached} s`);
  // Seven rates on nine tenths of the images, and the chosen one on all.
  const sweep = seconds("--clsf_augment=false", "--clsf_lr_sweep");
  ok(Math.abs((sweep - embedding) / (cached - embedding) - 7.3) < 1e-9, `${sweep} s`);
});

Deno.test("plan measures a short run or takes a speed", async () => {
  const tiny = ["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--nb_epochs=2"];
  const given = await program("plan", ...tiny, "--images_per_second=100", "--clsf_every=0");
  equal(given.code, 0, given.err);
  match(given.out, /^steps +312 an epoch of batch 16, 624 in all$/m);
  match(given.out, /^training +1\.7 min$/m);
  const measured = await program("plan", ...tiny, "--measure_steps=4");
  equal(measured.code, 0, measured.err);
  match(measured.out, /^images\/s +\d+\.\d \(\d+\.\d measured in 4 steps here\)$/m);
  const wrong = await program("plan", ...tiny, "--images_per_second=-1");
  equal(wrong.code, 2);
  const small = await program(
    "plan",
    "--preset=imagenette",
    "--data_dir=x",
    "--images_per_second=100",
  );
  match(small.out, /^steps +36 an epoch of batch 256/m, small.err);
  const folder = ["--dataset_name=folder", "--data_dir=x", "--images_per_second=100"];
  const unknown = await program("plan", ...folder);
  equal(unknown.code, 2);
  match(
    unknown.err,
    /--dataset_name=folder, whose number of images is unknown: expected --train_images=N/,
  );
  const few = await program("plan", ...folder, "--train_images=8");
  equal(few.code, 2);
  match(few.err, /expected at most the number of training images/);
});

Deno.test("a GPU is held against what libtorch was built for", () => {
  const cu130 = { libtorchVersion: "2.11.0", cudaCapable: true };
  match(gpuProblem("sm_70", cu130)!, /no kernels for sm_70.*cu126/);
  equal(gpuProblem("sm_70", { ...cu130, libtorchVersion: "2.11.0+cu126" }), undefined);
  equal(gpuProblem("sm_80", cu130), undefined);
  // Code for 8.6 runs on 8.9.
  equal(gpuProblem("sm_89", cu130), undefined);
  match(gpuProblem("sm_60", cu130)!, /sm_60/);
  match(gpuProblem("sm_80", { ...cu130, cudaCapable: false })!, /setup --cuda/);
  match(driverProblem("550.54.15", "2.11.0+cu130")!, /expected 580/);
  equal(driverProblem("580.95.05", "2.11.0"), undefined);
});

Deno.test("doctor's table says what is well and what is not, and so does its exit code", async () => {
  const folder = await Deno.makeTempDir();
  const run = `--run_dir=${join(folder, "new", "run")}`;
  const well = await program("doctor", run);
  equal(well.code, 0, well.out + well.err);
  for (const what of ["core", "GPUs", "cores", "space", "quota", "data", "internet"]) {
    match(well.out, new RegExp(`^(ok|warn) +${what} `, "m"));
  }
  deepEqual([...Deno.readDirSync(folder)], []);
  const none = await program(
    "doctor",
    run,
    "--dataset_name=cifar10",
    `--data_dir=${folder}/none`,
  );
  equal(none.code, 6, none.out);
  match(none.out, /^FAIL +data .*none/m);
  const images = join(folder, "images");
  Deno.mkdirSync(images);
  const imagenet = (...args: string[]) =>
    program("doctor", run, "--dataset_name=imagenet", `--data_dir=${images}`, ...args);
  await writePhotoFolder(images, 4);
  Deno.renameSync(join(images, "val"), join(images, "later"));
  match((await imagenet()).out, /^FAIL +data .*expected train\/ and val\//m);
  match(
    (await imagenet("--clsf_every=0")).out,
    /^warn +data +8 images of 2 classes in .*train; not/m,
  );
  Deno.renameSync(join(images, "later"), join(images, "val"));
  match((await imagenet()).out, /^warn +data .*train; 8 images of 2 classes in .*val; not/m);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("doctor reads what nvidia-smi says of the GPUs", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "nvidia-smi");
  Deno.writeTextFileSync(
    file,
    "#!/bin/sh\nyes 'Tesla V100-SXM2-32GB, 7.0, 535.129.03, 32768 MiB' | head -n 4\n",
    { mode: 0o755 },
  );
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  const { out, err } = await programWith(env, "doctor", `--run_dir=${folder}/run`);
  match(out, /^ok +GPUs +4 × Tesla V100-SXM2-32GB$/m, err);
  // Not asked for, hence no failure: no kernels for them, or a libtorch without CUDA.
  match(out, /^warn +architecture .*(sm_70|setup --cuda)/m);
  await Deno.remove(folder, { recursive: true });
});
