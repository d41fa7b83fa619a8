/** A sitting on somebody's GPU (bench/gpu/), rehearsed on a processor: without network, packages and a built core. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describeCheckpoint } from "../src/native/checkpoint.ts";
import { exists } from "../src/base/files.ts";
import { readTensors } from "../src/base/safetensors.ts";
import { projectRoot, requireSetup } from "../src/setup/record.ts";
import { copyTree } from "../tests/support/copied_checkout.ts";
import { copyGolden, GOLDEN_STEPS } from "../tests/support/golden.ts";
import { inFolder } from "../tests/support/in_folder.ts";
import { checkpointOf } from "../tests/support/ranks_run.ts";
import { skip } from "../tests/support/skip.ts";
import { adopt, HANDED_OVER, pack } from "./gpu/state.ts";

const SCRIPT = "bench/gpu/far.sh";
const TINY =
  "--preset=cifar10_fast --resnet_type=resnet20 --batch_size=16 --hidden_dim=16 --z_dim=8 --limit_train=160";

/** The machine of a sitting: a copy of the tracked files, and the pieces that were packed. */
class FarSide {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    Deno.mkdirSync(root);
    for (const name of ["deno.json", "deno.lock", "src", "native", "bench"]) {
      copyTree(join(projectRoot, name), join(root, name));
    }
  }

  /** Calls the script of the far side, without network. */
  async call(
    words: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--net", "bash", SCRIPT, ...words],
      cwd: this.#root,
      env: {
        LIBTORCH: requireSetup().libtorch,
        HARDWARE: "--hardware=cpu --threads=1",
        RECIPE: TINY,
        EVAL: "--nb_epochs_clsf=1 --clsf_augment=false",
        ...variables,
      },
    }).output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isTrue()) {
    ok(performance.now() < end, `after a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Returns false for a process that has ended, also where nobody has waited for it. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return exists(status) && !/^State:\s+[XZ]/m.test(Deno.readTextFileSync(status));
}

/** Returns the names of a run's checkpoints. */
function checkpointsOf(run: string): string[] {
  const folder = join(run, "checkpoints");
  const names = exists(folder) ? [...Deno.readDirSync(folder)].map(({ name }) => name) : [];
  return names.filter((name) => /^step-\d+\.safetensors$/.test(name)).sort();
}

function filesIn(folder: string): Record<string, number> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.statSync(join(folder, name)).size]));
}

function rowsOf(run: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(join(run, "metrics.jsonl"));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("a sitting is packed, unpacked, killed, resumed, handed over and continued", () =>
  inFolder(async (folder) => {
    if (!(await new Deno.Command("unshare", { args: ["--net", "true"] }).output()).success) {
      return skip("unshare --net is not allowed here; run as root in a container that allows it");
    }
    const far = new FarSide(join(folder, "far"));
    const [first, out, second] = ["first", "out", "second"].map((name) => join(folder, name));
    const packing = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "bench/gpu/pack.ts", `--out=${folder}/far/.gpu`, "--level=0"],
      cwd: projectRoot,
    }).output();
    equal(packing.code, 0, new TextDecoder().decode(packing.stderr));
    match(
      new TextDecoder().decode(packing.stdout),
      /\.gpu\/1: \d+\.\d MiB with the tracked files\n/,
    );

    const WORK = first!;
    const ready = await far.call(["unpack"], { WORK });
    match(ready.text, /programs are ready/);
    // The command that starts the training ends at once; the training continues.
    const long = ["--nb_epochs=300", "--save_every_steps=20", "--log_every=10"];
    const begun = await far.call(["train", "0", ...long], { WORK });
    equal(begun.code, 0, begun.text);
    const warm = Deno.readTextFileSync(join(first!, "warm.log"));
    match(warm, /the warm-up is over/);
    equal(rowsOf(join(first!, "warm")).filter(({ kind }) => kind === "train").length, 6, warm);
    const run = join(first!, "run");
    await until(() => checkpointsOf(run).length > 1, begun.text);
    using training = new DisposableStack();
    // A training that outlives its command would outlive a test that fails, too.
    training.defer(() => {
      const last = Number(Deno.readTextFileSync(`${run}.pid`));
      if (isAlive(last)) Deno.kill(-last, "SIGKILL");
    });
    const pid = Number(Deno.readTextFileSync(`${run}.pid`));
    Deno.kill(-pid, "SIGKILL");
    await until(() => !isAlive(pid), "the training is alive");
    const again = await far.call(["train", "0"], { WORK });
    const isResumed = (): boolean =>
      rowsOf(run).some(({ kind, step }) => kind === "run" && Number(step) >= 20);
    await until(isResumed, again.text);

    const collected = await far.call(["collect", "0", out!], { WORK });
    match(collected.text, /NOT COMPLETE: stopped and saved/);
    const found = JSON.parse(Deno.readTextFileSync(join(out!, "eval.json")));
    equal(found.held_out.tested, 500);
    const sizes = filesIn(out!);
    ok(sizes["state.part-0"]! > 0 && sizes["config.json"]! > 0, JSON.stringify(sizes));
    ok(Object.values(sizes).every((size) => size < 16 << 20), JSON.stringify(sizes));
    const [step] = checkpointsOf(run).slice(-1).map((name) => Number(/\d+/.exec(name)![0]));

    const adopted = await far.call(["adopt", out!], { WORK: second! });
    match(adopted.text, new RegExp(`continues from step ${step}: ${HANDED_OVER}`));
    Deno.writeTextFileSync(join(second!, "extra"), "");
    const words = join(second!, "run.words");
    const shorter = Deno.readTextFileSync(words) + `--max_steps=${step! + 20}\n`;
    Deno.writeTextFileSync(words, shorter);
    await far.call(["train", "60"], { WORK: second! });
    const result = JSON.parse(Deno.readTextFileSync(join(second!, "run/result.json")));
    equal(result.step, step! + 20);
    const record = JSON.parse(Deno.readTextFileSync(join(second!, "run/config.json")));
    deepEqual(record.handedOver, [{ step, what: HANDED_OVER }]);

    // The next cycle begins with the encoder of the last one, and takes its length from a budget.
    const encoder = join(second!, "run/encoder.safetensors");
    const cycle = { WORK: second!, RUN: "cycle" };
    await far.call([
      "train",
      "60",
      `--init_from=${encoder}`,
      "--time_budget=20s",
      "--limit_train=32",
    ], cycle);
    const end = await far.call(["collect", "0", join(folder, "last")], cycle);
    match(end.text, /"held_out":\{/);
    const whole = Deno.readFileSync(join(second!, "cycle/encoder.safetensors"));
    deepEqual(Deno.readFileSync(join(folder, "last/encoder.part-0")), whole);
    const { initialWeights } = JSON.parse(
      Deno.readTextFileSync(join(second!, "cycle/config.json")),
    );
    equal(
      initialWeights.sha256,
      createHash("sha256").update(Deno.readFileSync(encoder)).digest("hex"),
    );
  }));

/** Returns the largest absolute value. */
function largestOf(values: Iterable<number>): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

Deno.test("a state that is handed over has rounded matrices, exact vectors and no momentum", () =>
  inFolder((folder) => {
    const run = join(folder, "plain");
    copyGolden("plain", run);
    const path = checkpointOf(run, GOLDEN_STEPS.interrupted);
    pack(path, folder);
    const before = readTensors(path);
    adopt(folder, run);
    const after = readTensors(path);
    deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    for (const [name, { shape, values }] of before) {
      const now = after.get(name)!;
      deepEqual(now.shape, shape, name);
      if (name.startsWith("momentum.")) ok(now.values.every((value) => value === 0), name);
      else if (shape.length < 2) deepEqual(now.values, values, name);
      else {
        const pairs = Array.from(values as Float32Array, (value, at) => [value, now.values[at]]);
        const worst = largestOf(pairs.map(([one, other]) => Number(one) - Number(other)));
        const largest = largestOf(values as Float32Array);
        ok(worst <= largest * 2 ** -11, `${name}: ${worst} of ${largest}`);
      }
    }
    const { whole, metadata } = describeCheckpoint(path);
    deepEqual([whole, metadata?.handed_over], [true, HANDED_OVER]);
  }));

Deno.test("shellcheck has nothing to say on the script of the far side", async () => {
  const found = await new Deno.Command("which", { args: ["shellcheck"] }).output();
  if (!found.success) {
    return skip("there is no shellcheck; run as root: apt-get install -y shellcheck");
  }
  const answer = await new Deno.Command("shellcheck", { args: [SCRIPT], cwd: projectRoot })
    .output();
  equal(answer.code, 0, new TextDecoder().decode(answer.stdout));
});
