import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { evaluationTime, lossesBeside, measuredBy, planned } from "./gpu_plan.ts";
import { projectRoot } from "../src/setup/record.ts";
import { skip } from "../tests/support/skip.ts";

/** ResNet-18 on CIFAR-10 at 18,000 images a second. */
const H100 = { imagesPerSecond: 18_000, startup: 12, images: 49_664, probeEpochs: 90 };

Deno.test("a plan's training and evaluation end in the time that it was given", () => {
  for (const seconds of [60, 300, 420, 3600, 14_400]) {
    const plan = planned(H100, seconds)!;
    const training = H100.startup + plan.epochs * H100.images / (0.95 * H100.imagesPerSecond);
    ok(training + plan.reserve <= seconds, `${training} and ${plan.reserve} of ${seconds} s`);
    // One more epoch would not have fitted.
    ok(training + plan.reserve + H100.images / (0.95 * H100.imagesPerSecond) > seconds);
    equal(plan.warmupEpochs, Math.min(10, Math.floor(plan.epochs / 8)));
  }
});

Deno.test("the augmented probe's time is kept where it is at most a fifth", () => {
  const [cached, augmented] = (["cached", "augmented"] as const).map((kind) =>
    evaluationTime(H100, kind)
  );
  // 93 epochs of forwards at four times the step's rate, and a startup.
  equal(augmented!.toFixed(1), (12 + 93 * 49_664 / 72_000).toFixed(1));
  equal(planned(H100, 5 * augmented! - 1)!.reserve, cached);
  equal(planned(H100, 5 * augmented! + 1)!.reserve, cached! + augmented!);
});

Deno.test("too few seconds for an epoch are no plan", () => {
  equal(planned(H100, 20), undefined);
});

async function withRuns<Result>(
  body: (folder: string) => Result | Promise<Result>,
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "byol-session-" });
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function writeRun(folder: string, losses: number[], rates: number[]): void {
  const config = { dataset_name: "cifar10", batch_size: 64, nb_epochs: 800, nb_epochs_clsf: 90 };
  Deno.mkdirSync(folder, { recursive: true });
  const views = { view1: {}, view2: {} };
  const record = {
    config,
    data: { digest: "0" },
    augmentation: views,
    versions: { byol: "0.2.0" },
  };
  const started = { machine: "a machine", startedAt: "2026-11-30T00:00:00Z" };
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify({ ...record, ...started }));
  const rows = [
    { kind: "run", total_steps: 8000 },
    ...losses.map((loss, index) => ({
      kind: "train",
      step: 20 * index + 19,
      loss,
      images_per_second: rates[index],
    })),
  ];
  const text = rows.map((row) => JSON.stringify(row)).join("\n");
  Deno.writeTextFileSync(join(folder, "metrics.jsonl"), text);
}

Deno.test("a short run is measured by its logged rows but the first", async () => {
  await withRuns((folder) => {
    writeRun(folder, [4, 3, 2, 1], [10, 640, 600, 680]);
    // 80 steps of 64 images at 640 a second are 8 of the 11 seconds.
    deepEqual(measuredBy(folder, 11), {
      imagesPerSecond: 640,
      startup: 3,
      images: 640,
      probeEpochs: 90,
    });
    writeRun(folder, [4], [10]);
    let said = "";
    try {
      measuredBy(folder, 11);
    } catch (error) {
      said = (error as Error).message;
    }
    match(said, /has logged 1 steps, expected 2 or more/);
  });
});

Deno.test("losses beside each other: the largest difference, and a missing step is infinite", async () => {
  await withRuns((folder) => {
    const [one, other] = [join(folder, "one"), join(folder, "other")];
    writeRun(one, [4, 2], [1, 1]);
    writeRun(other, [4, 2.01], [1, 1]);
    equal(lossesBeside(one, other).worst.toFixed(6), "0.005000");
    writeRun(other, [4], [1]);
    equal(lossesBeside(one, other).worst, Infinity);
  });
});

/** A sitting on the processor, with the smallest training there is. */
async function sitting(
  folder: string,
  args: string[],
): Promise<{ code: number; log: string; files: string[] }> {
  const out = join(folder, "out");
  const tiny = "--resnet_type=resnet20 --hidden_dim=16 --z_dim=8 --batch_size=16 --threads=1";
  const { code, stdout } = await new Deno.Command("bash", {
    args: [
      ...["bench/gpu_session.sh", `--deno=${Deno.execPath()}`, "--hardware=cpu", `--out=${out}`],
      ...[`--run_dir=${folder}/run`, `--train_args=${tiny} --limit_train=64`, "--measure_steps=8"],
      ...["--eval_args=--limit_train=64 --threads=1", ...args],
    ],
    cwd: projectRoot,
    stderr: "inherit",
  }).output();
  const log = new TextDecoder().decode(stdout);
  return { code, log, files: [...Deno.readDirSync(out)].map(({ name }) => name).sort() };
}

Deno.test("a sitting trains to the end of its schedule, evaluates, and brings the encoder", async () => {
  await withRuns(async (folder) => {
    const { code, log, files } = await sitting(folder, [
      ...["--parts=smoke,train,eval", "--seconds=90", "--plan_seconds=25"],
    ]);
    equal(code, 0, log);
    match(log, /step 2: \d\.\d+ and \d\.\d+, 0\.0000 %/);
    match(log, /its schedule is complete/);
    // Either evaluation is one JSON line.
    ok(log.match(/"knn_top1":/g)!.length >= 1, log);
    deepEqual(files, ["encoder.safetensors.part-0", "logs.tar.gz", "session.log"]);
    const whole = Deno.readFileSync(join(folder, "run/encoder.safetensors"));
    deepEqual(Deno.readFileSync(join(folder, "out/encoder.safetensors.part-0")), whole);
  });
});

Deno.test("the next sitting resumes one that was too short, to the same schedule", async () => {
  await withRuns(async (folder) => {
    // A plan of many minutes, of which the first sitting trains some seconds.
    const first = await sitting(folder, ["--parts=train", "--seconds=22", "--plan_seconds=600"]);
    equal(first.code, 75, first.log);
    match(first.log, /the training is not complete: call again/);
    const plan = JSON.parse(Deno.readTextFileSync(`${folder}/run.plan.json`));
    const second = await sitting(folder, ["--parts=train", "--seconds=20"]);
    match(second.log, new RegExp(`resumes ${folder}/run`));
    match(second.log, new RegExp(`training: ${plan.epochs} epochs, ${plan.warmupEpochs} of`));
    equal(second.code, 75, second.log);
  });
});

Deno.test("a sitting refuses what it does not know", async () => {
  for (const option of ["--parts=smoke,nothing", "--seconds=soon", "--epochs=3", "--deno=/none"]) {
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["bench/gpu_session.sh", option],
      cwd: projectRoot,
    }).output();
    equal(code, option.startsWith("--deno") ? 6 : 2, option);
    match(new TextDecoder().decode(stderr), /^Cannot .*expected|^Cannot take soon/, option);
  }
});

Deno.test("shellcheck has nothing to say on the script of a sitting", async () => {
  let answer: Deno.CommandOutput;
  try {
    const args = ["bench/gpu_session.sh"];
    answer = await new Deno.Command("shellcheck", { args, cwd: projectRoot }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return skip("there is no shellcheck; run as root: apt-get install -y shellcheck");
  }
  equal(answer.code, 0, new TextDecoder().decode(answer.stdout));
});
