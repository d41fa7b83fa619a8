import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { evaluatedSteps, planTraining } from "../../src/byol/plan.ts";
import { thisEnvironment } from "../../src/options/environment.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";
import { byol } from "../support/byol.ts";
import { writeRandomCifarBinary } from "../support/cifar_files.ts";

const SMALL = ["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--log_every=1", "--threads=1"];

Deno.test("a run cut short and started again equals the unbroken one", async () => {
  const folder = await Deno.makeTempDir();
  const sha256 = async (run: string): Promise<string> => {
    const path = join(folder, run, "checkpoints", "step-000000005.safetensors");
    const { stdout, code, stderr } = await byol("info", `--checkpoint=${path}`, "--format=json");
    equal(code, 0, stderr);
    return JSON.parse(stdout).sha256;
  };
  const start = (run: string, steps: number, workers: number) =>
    byol(
      "train",
      ...SMALL,
      `--run_dir=${join(folder, run)}`,
      `--max_steps=${steps}`,
      `--nb_workers=${workers}`,
    );
  equal((await start("whole", 5, 1)).code, 0);
  equal((await start("cut", 2, 1)).code, 0);
  const resumed = await start("cut", 5, 3);
  equal(resumed.code, 0, resumed.stderr);
  equal(await sha256("cut"), await sha256("whole"));
  const steps = (run: string): number[] =>
    Deno.readTextFileSync(join(folder, run, "metrics.jsonl")).trim().split("\n")
      .map((line) => JSON.parse(line)).filter(({ kind }) => kind === "train").map(({ step }) =>
        step
      );
  deepEqual(steps("cut"), [0, 1, 2, 3, 4]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a run cut short evaluates at the steps of its plan", async () => {
  const folder = await Deno.makeTempDir();
  const options = [
    ...[...SMALL, "--limit_train=64", "--nb_epochs=3", "--max_steps=9", `--run_dir=${folder}`],
    ...["--clsf_every=2", "--eval_at_end", "--nb_epochs_clsf=1", "--clsf_augment=false"],
  ];
  const { code, stderr } = await byol("train", ...options);
  equal(code, 0, stderr);
  const evaluated = readMetrics(join(folder, "metrics.jsonl"))
    .filter(({ kind }) => kind === "eval").map(({ step }) => step);
  deepEqual(evaluated, [8, 9]);
  const { config } = parseCommandLine("train", options, thisEnvironment());
  deepEqual(evaluatedSteps(planTraining(64, config)), evaluated);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a run that begins at another's checkpoint resumes by the same command, and ends no earlier", async () => {
  const folder = await Deno.makeTempDir();
  const start = (run: string, ...args: string[]) =>
    byol("train", ...SMALL, "--clsf_every=0", `--run_dir=${join(folder, run)}`, ...args);
  equal((await start("first", "--max_steps=2")).code, 0);
  const resume = `--resume=${join(folder, "first", "checkpoints", "step-000000002.safetensors")}`;
  const begun = await start("second", resume, "--seed=5", "--max_steps=3");
  equal(begun.code, 0, begun.stderr);
  match(begun.stderr, /was trained with other options, .*: --seed=0 there, 5 here/);
  // As a job that starts again does: it resumes from what it has saved since.
  const again = await start("second", resume, "--seed=5", "--max_steps=4");
  equal(again.code, 0, again.stderr);
  const steps = Deno.readTextFileSync(join(folder, "second", "metrics.jsonl")).trim().split("\n")
    .map((line) => JSON.parse(line)).filter(({ kind }) => kind === "train").map(({ step }) => step);
  deepEqual(steps, [2, 3]);
  match((await start("second", resume, "--seed=5", "--max_steps=4")).stderr, /is finished/);
  const short = await start("third", resume, "--max_steps=1");
  equal(short.code, 2, short.stderr);
  match(short.stderr, /Cannot end at step 1: .*step-000000002\.safetensors is of step 2/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("bad input has its own message and exit code", async () => {
  const folder = await Deno.makeTempDir();
  const run = `--run_dir=${join(folder, "run")}`;
  const cases: [string[], number, RegExp][] = [
    [["train", "--batchsize=3"], 2, /--batch_size/],
    [["train", run, "--tau_base=2"], 2, /--tau_base=2/],
    [["train", run, "--batch_size=6000"], 2, /at most the 5000 training images/],
    [["train", run, "--hardware=multi-gpu"], 6, /multi-gpu/],
    [
      ["train", run, "--dataset_name=cifar10", `--data_dir=${join(folder, "none")}`, "--offline"],
      3,
      /none/,
    ],
    [["train", "--run_dir=/proc/nowhere"], 4, /\/proc\/nowhere/],
    [["eval", `--checkpoint=${join(folder, "none")}`], 5, /none/],
    [["info"], 2, /--checkpoint=FILE/],
  ];
  for (const [args, code, message] of cases) {
    const found = await byol(...args);
    equal(found.code, code, `${args.join(" ")}: ${found.stderr}`);
    match(found.stderr, message);
    equal(found.stdout, "");
  }
  const damaged = join(folder, "damaged.safetensors");
  await Deno.writeTextFile(damaged, "not a checkpoint");
  const found = await byol("eval", `--checkpoint=${damaged}`);
  equal(found.code, 5);
  match(found.stderr, /damaged/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("CIFAR-10 that is not the official bytes, or is cut short, is refused", async () => {
  const folder = await Deno.makeTempDir();
  await writeRandomCifarBinary(folder, 1);
  const options = [
    "--dataset_name=cifar10",
    `--data_dir=${folder}`,
    `--run_dir=${join(folder, "run")}`,
  ];
  const small = [...SMALL, "--resnet_type=resnet20", "--max_steps=1"];
  const wrong = await byol("train", ...options, ...small);
  equal(wrong.code, 3, wrong.stderr);
  match(wrong.stderr, /--allow_unverified_data/);
  const allowed = await byol("train", ...options, ...small, "--allow_unverified_data");
  equal(allowed.code, 0, allowed.stderr);
  // The refusal became a warning that stays in the record, for the test images too.
  const [started] = Deno.readTextFileSync(join(folder, "run", "metrics.jsonl")).split("\n");
  const { verified, warnings } = JSON.parse(started ?? "");
  equal(verified, false);
  match(warnings.join("\n"), /data_batch_5\.bin[^]*test_batch\.bin/);
  const batch = [...Deno.readDirSync(folder)].some(({ name }) => name === "data_batch_3.bin")
    ? join(folder, "data_batch_3.bin")
    : join(folder, "cifar-10-batches-bin", "data_batch_3.bin");
  await Deno.truncate(batch, 1000);
  // One step more: a finished run is not read again.
  const cut = await byol("train", ...options, ...small, "--max_steps=2", "--allow_unverified_data");
  equal(cut.code, 3, cut.stderr);
  match(cut.stderr, /data_batch_3/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("SIGTERM saves the run and says so by its exit code", async () => {
  const folder = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...RANK_PERMISSIONS,
      "src/cli.ts",
      "train",
      ...SMALL,
      "--clsf_every=0",
      `--run_dir=${folder}`,
    ],
    cwd: projectRoot,
    stdout: "null",
    stderr: "null",
  }).spawn();
  const metrics = join(folder, "metrics.jsonl");
  const begun = (): boolean => {
    try {
      return Deno.readTextFileSync(metrics).includes('"train"');
    } catch {
      return false;
    }
  };
  for (let tries = 0; !begun() && tries < 300; tries++) {
    await new Promise((done) => setTimeout(done, 100));
  }
  equal(begun(), true, "no step was logged within 30 s");
  child.kill("SIGTERM");
  equal((await child.status).code, 75);
  equal([...Deno.readDirSync(join(folder, "checkpoints"))].length, 1);
  await Deno.remove(folder, { recursive: true });
});
