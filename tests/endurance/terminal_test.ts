import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newestCheckpoint } from "../../src/run/checkpoint.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { TINY } from "../support/program.ts";
import { DENO_VERSION } from "../../src/setup/versions.ts";
import { skip } from "../support/skip.ts";
import { atTerminal } from "./pty.ts";

const CTRL_C = { type: "\x03" };
const OPTIONS = [...TINY, "--clsf_every=0", "--save_every=0"];
const NPX = ["npx", "--offline", "-y", `deno@${DENO_VERSION}`];

/** Returns true where a command can be run. */
async function runs([program = "", ...args]: string[]): Promise<boolean> {
  const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
  return (await command.output().catch(() => ({ success: false }))).success;
}

async function isGone(path: string): Promise<boolean> {
  for (let tries = 0; tries < 300; tries++) {
    try {
      await Deno.stat(path);
    } catch {
      return true;
    }
    await sleep(100);
  }
  return false;
}

/** Presses Ctrl-C once while a run is under way: it comes twice and is one request. */
async function interruptOnce(deno: string[]): Promise<number> {
  const folder = await Deno.makeTempDir();
  const run = join(folder, "run");
  const { code, output } = await atTerminal(
    [...deno, "task", "train", ...OPTIONS, "--save_every_steps=40", `--run_dir=${run}`],
    // A checkpoint is there: the training is well under way. Of the rare ones, as only the two newest stay: one of
    // every third step was gone before a busy machine had seen it.
    [{ file: join(run, "checkpoints", "step-000000040.safetensors") }, CTRL_C],
  );
  // npx may end before the program does.
  ok(await isGone(join(run, "lock")), output);
  const steps = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "train");
  equal(newestCheckpoint(join(run, "checkpoints"), () => {})?.metadata.step, steps.length, output);
  match(output, /Interrupted at step \d+, all saved|ended with/);
  await Deno.remove(folder, { recursive: true });
  return code;
}

Deno.test("one Ctrl-C under deno task saves all and ends with 75", async () => {
  if (!await runs(["python3", "-c", "import pty"])) return skip("python3 is missing");
  equal(await interruptOnce([Deno.execPath()]), 75);
});

Deno.test("one Ctrl-C under npx saves all", async () => {
  if (!await runs([...NPX, "--version"])) return skip(`${NPX.join(" ")} does not run here`);
  // Its code is npx's own affair: npx was signalled, too.
  await interruptOnce(NPX);
});

Deno.test("a second Ctrl-C a second later ends the run at once, in the midst of a step", async () => {
  if (!await runs(["python3", "-c", "import pty"])) return skip("python3 is missing");
  const folder = await Deno.makeTempDir();
  const run = join(folder, "run");
  // A step of half a minute on one thread.
  const { code, output, seconds } = await atTerminal(
    [Deno.execPath(), "task", "train", ...OPTIONS, "--batch_size=2500", `--run_dir=${run}`],
    [
      { file: join(run, "metrics.jsonl") },
      { seconds: 1 },
      CTRL_C,
      { seconds: 1.5 },
      CTRL_C,
    ],
  );
  match(output, /Interrupted again: ended at once/);
  equal(code, 75, output);
  ok(seconds < 10, `it took ${seconds} s`);
  deepEqual([...Deno.readDirSync(join(run, "checkpoints"))], []);
  await Deno.remove(folder, { recursive: true });
});
