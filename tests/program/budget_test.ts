import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { learningRateAt } from "../../src/recipes/schedules.ts";
import { describeOrThrow, listCheckpoints } from "../../src/run/checkpoint.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { readRunRecord } from "../../src/run/record.ts";
import { readResult } from "../../src/run/result.ts";
import { byol } from "../support/byol.ts";
import { inFolder } from "../support/in_folder.ts";
import { start } from "../support/ranks_run.ts";

/** Views of 8 pixels, for steps of some ten milliseconds. */
const SMALL = [
  ...["--image_size=8", "--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--limit_train=64"],
  ...["--threads=1", "--nb_workers=1", "--log_every=5", "--tensorboard=false"],
];

/** Returns the step, the sum of the tensors and the time of a run's newest checkpoint. */
function newestIn(run: string): { step: number; sha256: string; spentSeconds: number } {
  const [{ path, step }] = listCheckpoints(join(run, "checkpoints")) as [
    { path: string; step: number },
  ];
  const { sha256, metadata } = describeOrThrow(path);
  return { step, sha256, spentSeconds: metadata?.spentSeconds as number };
}

/** Trains until some steps are done after the pattern was said, then asks the run to stop. */
async function trainAndStop(args: readonly string[], pattern: RegExp): Promise<string> {
  const run = start(args);
  await run.shown(new RegExp(`${pattern.source}[^]*training \\d`));
  run.child.kill("SIGTERM");
  const { code, stderr } = await run.ended;
  equal(code, 75, stderr);
  return stderr;
}

/** Returns the options of a run of the epochs that the budget of another has chosen. */
function sameEpochs(run: string): string[] {
  const { config, origins, budget } = readRunRecord(runFolderAt(run))!;
  equal(origins.epochs, "--time_budget");
  deepEqual([budget?.epochs, budget?.warmupEpochs], [config.epochs, config.warmupEpochs]);
  return [`--nb_epochs=${config.epochs}`, `--nb_epochs_warmup=${config.warmupEpochs}`];
}

/** Checks that a stopped run with a budget equals the run of the chosen epochs, bit for bit. */
async function requireEqualRun(folder: string, ...args: string[]): Promise<void> {
  const [budget, plain] = ["budget", "plain"].map((name) => join(folder, name)) as [string, string];
  const found = newestIn(budget);
  const { code, stderr } = await start([
    ...[...SMALL, ...args, ...sameEpochs(budget)],
    ...[`--max_steps=${found.step}`, `--run_dir=${plain}`],
  ]).ended;
  equal(code, 0, stderr);
  ok(found.step > 0);
  const { step, sha256 } = newestIn(plain);
  deepEqual([step, sha256], [found.step, found.sha256]);
}

Deno.test("a run with a budget equals the run of the chosen epochs, also when it resumes", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "budget");
    const schedule = join(folder, "sizes.json");
    const cropSize = [[0, 8], ["10%", 10]];
    await Deno.writeTextFile(
      schedule,
      JSON.stringify({ view1: { cropSize }, view2: { cropSize } }),
    );
    const more = [`--aug_schedule=${schedule}`, "--clsf_every=0"];
    const args = [...SMALL, ...more, "--time_budget=60s", `--run_dir=${run}`];
    const first = await trainAndStop(args, /chose/);
    match(
      first,
      /chose \d+ epochs \(\d+ steps\) with a warm-up of \d+, by .* images\/s at 8 px and .* at 10 px in \d+ steps: about 0:5\d/,
    );
    const record = await Deno.readTextFile(join(run, "config.json"));
    const spent = newestIn(run).spentSeconds;
    await sleep(1500);
    const begun = performance.now();
    const second = await trainAndStop(args, /resumed at step/);
    const seconds = (performance.now() - begun) / 1000;
    doesNotMatch(second, /Measuring|chose/);
    equal(await Deno.readTextFile(join(run, "config.json")), record);
    // Neither the wait nor the start of the second invocation counts.
    const spentLater = newestIn(run).spentSeconds;
    ok(spent < spentLater && spentLater < spent + seconds, `${spent}, ${spentLater}, ${seconds}`);
    await requireEqualRun(folder, ...more);
    const other = await byol("train", ...args, "--time_budget=70s");
    equal(other.code, 4);
    match(other.stderr, /--time_budget=60s there, 70s here/);
  });
});

Deno.test("two ranks train the epochs that rank 0's budget has chosen", async () => {
  await inFolder(async (folder) => {
    const more = ["--ranks=2", "--clsf_every=0"];
    const run = `--run_dir=${join(folder, "budget")}`;
    await trainAndStop([...SMALL, ...more, "--time_budget=60s", run], /chose/);
    await requireEqualRun(folder, ...more);
  });
});

Deno.test("a run with a budget ends, or is stopped when it is late, and says so", async () => {
  await inFolder(async (folder) => {
    const evaluation = ["--clsf_every=10000", "--nb_epochs_clsf=1", "--clsf_augment=false"];
    const args = [...SMALL, ...evaluation, "--time_budget=12s", `--run_dir=${folder}`];
    const begun = performance.now();
    const ended = await byol("train", ...args);
    equal(ended.code, 0, ended.stderr);
    ok(performance.now() - begun < 24_000, "twice the budget");
    const result = readResult(runFolderAt(folder))!;
    const rows = readMetrics(join(folder, "metrics.jsonl"));
    // A machine that has become slower since the measurement makes a run late.
    if (result.late === undefined) {
      const last = rows.filter((row) => row.kind === "train").at(-1)!;
      const { config } = readRunRecord(runFolderAt(folder))!;
      const totalSteps = 4 * config.epochs;
      deepEqual([last.step + 1, result.step, result.totalSteps], Array(3).fill(totalSteps));
      const [baseLearningRate, warmupSteps] = [config.learningRate, 4 * config.warmupEpochs];
      const rates = { baseLearningRate, warmupSteps, totalSteps };
      equal(last.learning_rate, learningRateAt(totalSteps - 1, rates));
    }
    equal(rows.filter(({ kind }) => kind === "eval").length, 2);
  });
});

Deno.test("a late run is stopped at a step, saved and evaluated, and is finished", async () => {
  await inFolder(async (folder) => {
    const evaluation = ["--clsf_every=100000", "--nb_epochs_clsf=1", "--clsf_augment=false"];
    const args = [...SMALL, ...evaluation, "--time_budget=10s", `--run_dir=${folder}`];
    const run = start(args);
    await run.shown(/the run is in/);
    run.child.kill("SIGKILL");
    await run.ended;
    // The machine was a thousand times faster when it was measured.
    const { configFile } = runFolderAt(folder);
    const record = JSON.parse(await Deno.readTextFile(configFile));
    record.config.nb_epochs *= 1000;
    await Deno.writeTextFile(configFile, JSON.stringify(record));
    const late = await byol("train", ...args);
    equal(late.code, 0, late.stderr);
    doesNotMatch(late.stderr, /Measuring/);
    match(
      late.stderr,
      /Late for --time_budget=10s: stopped at step \d+ of \d+000 and saved, before the schedules have ended/,
    );
    const result = readResult(runFolderAt(folder))!;
    match(result.late ?? "", /^Late for --time_budget=10s/);
    equal(newestIn(folder).step, result.step);
    ok(result.step < result.totalSteps);
    equal(result.evaluations.at(-1)?.step, result.step);
    ok((await Deno.stat(runFolderAt(folder).encoderFile)).size > 0);
    const again = await byol("train", ...args);
    equal(again.code, 0, again.stderr);
    match(
      again.stderr,
      /is finished: nothing is left to do; its time is over: .*--resume=.*\.safetensors/,
    );
    match(again.stderr, /Late for --time_budget=10s/);
  });
});

Deno.test("a budget that no epoch fits in leaves nothing behind", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    const { code, stderr } = await byol(
      ...["train", ...SMALL, "--time_budget=1s", `--run_dir=${run}`],
    );
    equal(code, 2, stderr);
    match(
      stderr,
      /Cannot train in --time_budget=1s: one epoch of 4 steps takes about .* expected at least \d+s/,
    );
    deepEqual([...Deno.readDirSync(folder)], []);
  });
});
