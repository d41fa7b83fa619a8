import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { type HostTensor, readTensors } from "../../src/base/safetensors.ts";
import { listCheckpoints } from "../../src/run/checkpoint.ts";
import { markFailed, readFailure } from "../../src/run/failure.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { inFolder } from "../support/in_folder.ts";
import { runProgram, TINY } from "../support/program.ts";
import { start } from "../support/ranks_run.ts";

const OPTIONS = ["train", ...TINY, "--clsf_every=0", "--save_every=0"];

/** Name, size and time of change of all files below a folder. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    const { size, mtime } = Deno.statSync(path);
    return isDirectory ? filesIn(path) : [`${path} ${size} ${mtime?.getTime()}`];
  }).sort();
}

function tracePath(folder: string, step: number): string {
  return join(folder, `trace-${String(step).padStart(6, "0")}.safetensors`);
}

/** Compares two traces bit by bit. */
function requireSameTrace(one: string, other: string): void {
  const [first, second] = [readTensors(one), readTensors(other)];
  deepEqual([...first.keys()], [...second.keys()]);
  for (const [name, { values }] of first) {
    const bytes = ({ buffer }: HostTensor["values"]): Uint8Array => new Uint8Array(buffer);
    deepEqual(bytes(values), bytes(second.get(name)!.values), name);
  }
}

/** The variance over a batch of each channel of a 3×3 convolution with a margin of zeros, unbiased. */
function variancesOfFirstLayer(tensors: Map<string, HostTensor>): number[] {
  const images = ["view1", "view2"].map((name) => tensors.get(name)!);
  const side = images[0]!.shape[2]!;
  const { shape: [channels = 0], values } = tensors.get("online.before.encoder.conv1.weight")!;
  return Array.from({ length: channels }, (_, channel) => {
    const outputs: number[] = [];
    for (const { shape: [count = 0], values: pixels } of images) {
      for (let image = 0; image < count; image++) {
        for (let at = 0; at < side * side; at++) {
          let sum = 0;
          for (let tap = 0; tap < 27; tap++) {
            const [colour, row, column] = [Math.floor(tap / 9), Math.floor(tap / 3) % 3, tap % 3];
            const y = Math.floor(at / side) + row - 1;
            const x = at % side + column - 1;
            if (y < 0 || x < 0 || y >= side || x >= side) continue;
            const pixel = ((image * 3 + colour) * side + y) * side + x;
            sum += Number(values[27 * channel + tap]) * Number(pixels[pixel]);
          }
          outputs.push(sum);
        }
      }
    }
    const mean = outputs.reduce((sum, value) => sum + value, 0) / outputs.length;
    return outputs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (outputs.length - 1);
  });
}

Deno.test("a step again, from a checkpoint and from the start, equals the run's own bit for bit", async () => {
  await inFolder(async (root) => {
    const run = join(root, "run");
    const traces = join(root, "traces");
    const trained = await runProgram([
      ...[...OPTIONS, `--run_dir=${run}`, "--save_every_steps=4", "--max_steps=9"],
      ...["--trace_steps=9", `--trace_dir=${traces}`],
    ]);
    equal(trained.code, 0, trained.stderr);
    const before = filesIn(run);
    const oldest = listCheckpoints(join(run, "checkpoints")).at(-1)!.step;
    ok(oldest > 2 && oldest <= 8, `${oldest}`);

    const late = join(root, "late");
    const replay = ["replay", `--run_dir=${run}`];
    const text = await runProgram([...replay, "--step=8", `--out=${late}`]);
    equal(text.code, 0, text.stderr);
    match(
      text.stderr,
      /^Replays step 8 by \d steps? from \S+step-\S+, about \d+:\d\d at the run's/m,
    );
    match(text.stdout, /^Exact: /m);
    match(text.stdout, /Compared with \d rows? of metrics.jsonl: all equal bit for bit/);
    match(text.stdout, /All tensors of step 8 are finite/);
    requireSameTrace(tracePath(late, 8), tracePath(traces, 8));
    equal(Deno.readFileSync(join(late, "views-000008.png"))[1], "P".charCodeAt(0));

    const early = join(root, "early");
    const json = await runProgram([...replay, "--step=2", `--out=${early}`, "--format=json"]);
    equal(json.code, 0, json.stderr);
    match(json.stderr, /by 3 steps from the start of the run/);
    requireSameTrace(tracePath(early, 2), tracePath(traces, 2));
    const found = JSON.parse(json.stdout);
    deepEqual([found.exact, found.compared.steps, found.first_not_finite], [true, 3, null]);
    const { gradient_norm: total } = found.row;
    const gradients: number[] = found.layers.map((one: { gradients: number }) => one.gradients);
    const sum = Math.sqrt(gradients.reduce((sum, norm) => sum + norm ** 2, 0));
    ok(Math.abs(sum / total - 1) < 1e-6, `${sum} and ${total}`);
    const variances = variancesOfFirstLayer(readTensors(tracePath(early, 2)));
    const first = found.batch_statistics.find(({ layer }: { layer: string }) =>
      layer === "online.encoder.bn1"
    );
    for (const [at, bound] of [Math.min(...variances), Math.max(...variances)].entries()) {
      ok(Math.abs(first.deviation[at] / Math.sqrt(bound) - 1) < 1e-3, `${first.deviation}`);
    }
    deepEqual(filesIn(run), before);

    const other = await runProgram([...replay, "--step=8", `--out=${late}`, "--threads=2"]);
    match(other.stdout, /^Not exact: the run was computed with --threads=1 .* with --threads=2/m);
    for (
      const [options, code, message] of [
        [["--step=5000000"], 2, /expected 0 to 8, the last step of the run/],
        [["--step=3", `--out=${join(run, "again")}`], 2, /in the folder of the run/],
        [["--step=3", "--ranks=3"], 2, /expected a number of ranks that divides/],
        [
          ["--step=3", `--run_dir=${root}`],
          4,
          /holds no config.json, expected the folder of a run/,
        ],
      ] as const
    ) {
      const refused = await runProgram([...replay, ...options]);
      equal(refused.code, code, refused.stderr);
      match(refused.stderr, message);
    }
    Deno.writeTextFileSync(join(run, "metrics.jsonl"), "{damaged\n", { append: true });
    Deno.truncateSync(join(run, "checkpoints", "step-000000009.safetensors"), 99);
    const damaged = await runProgram([...replay, "--step=8", `--out=${late}`]);
    equal(damaged.code, 0, damaged.stderr);
    match(damaged.stderr, /Cannot read the row at .*metrics.jsonl:\d+/);
    Deno.writeTextFileSync(join(root, "config.json"), "[]");
    const foreign = await runProgram(["replay", `--run_dir=${root}`, "--step=0"]);
    equal(foreign.code, 4, foreign.stderr);
  });
});

Deno.test("a planted overflow ends the run with 7 and the command that finds it by step and name", async () => {
  await inFolder(async (root) => {
    const run = join(root, "run");
    const traces = join(root, "traces");
    const trained = await runProgram([
      ...[...OPTIONS, `--run_dir=${run}`, "--log_every=4", "--save_every_steps=3"],
      // Each update has 300 times the norm of its weights, whose squares overflow float32 after some steps.
      ...["--nb_epochs_warmup=0", "--lr_init=1", "--eta=300", "--momentum=0", "--max_steps=40"],
      ...["--trace_steps=20", `--trace_dir=${traces}`],
    ]);
    equal(trained.code, 7, trained.stderr);
    // The traces of the run itself tell where the first number is that is not finite.
    const isBad = (path: string): string[] =>
      [...readTensors(path)].filter(([, { values }]) =>
        !Array.from(values, Number).every(Number.isFinite)
      ).map(([name]) => name);
    const steps = [...Deno.readDirSync(traces)].length;
    const bad = Array.from({ length: steps }, (_, step) => isBad(tracePath(traces, step)));
    const planted = bad.findIndex((names) => names.length > 0);
    ok(planted > 0 && bad[planted]!.length === 1, `${planted}: ${bad[planted]}`);

    const [, folder, step] =
      /deno task replay --run_dir=(\S+) --step=(\d+) runs step \d+ again from the checkpoint of step \d, which is kept/
        .exec(trained.stderr) ?? [];
    equal(folder, run, trained.stderr);
    const failure = readFailure(runFolderAt(run));
    equal(failure?.step, Number(step));
    ok(planted <= failure!.step);
    const out = join(root, "out");
    const replayed = await runProgram([
      ...["replay", `--run_dir=${run}`, `--step=${step}`, `--out=${out}`, "--format=json"],
    ]);
    equal(replayed.code, 0, replayed.stderr);
    const found = JSON.parse(replayed.stdout);
    deepEqual([found.step, found.first_not_finite.tensor], [planted, bad[planted]![0]]);
    deepEqual([found.exact, found.not_finite_tensors], [true, 1]);
    requireSameTrace(tracePath(out, planted), tracePath(traces, planted));
  });
});

Deno.test("the checkpoint of a step that ended the run outlives the clean-up", async () => {
  await inFolder(async (root) => {
    const train = (steps: number): ReturnType<typeof runProgram> =>
      runProgram([
        ...[...OPTIONS, `--run_dir=${root}`, "--save_every_steps=1", `--max_steps=${steps}`],
      ]);
    equal((await train(3)).code, 0);
    const folder = runFolderAt(root);
    const { checkpoint } = markFailed(folder, { step: 3, reason: "planted" });
    equal(checkpoint, 3);
    equal((await train(9)).code, 0);
    const kept = listCheckpoints(folder.checkpointsDir).map(({ step }) => step);
    deepEqual([kept.length, kept[0], kept.at(-1)], [3, 9, 3]);
  });
});

Deno.test("a run on two ranks is replayed on two ranks, and on one where that is asked for", async () => {
  await inFolder(async (root) => {
    const run = join(root, "run");
    const train = start([
      ...[...OPTIONS, "--batch_size=16", "--ranks=2", `--run_dir=${run}`],
      ...["--save_every_steps=2", "--max_steps=5"],
    ]);
    equal((await train.ended).code, 0, (await train.ended).stderr);
    const replay = (...options: string[]) =>
      start(["replay", `--run_dir=${run}`, "--step=4", `--out=${join(root, "out")}`, ...options]);
    const two = await replay().ended;
    equal(two.code, 0, two.stderr);
    match(two.stdout, /^Exact: /m);
    match(two.stdout, /all equal bit for bit/);
    const one = await replay("--ranks=1").ended;
    equal(one.code, 0, one.stderr);
    match(one.stdout, /^Not exact: .*--ranks=2 on .*/m);
  });
});
