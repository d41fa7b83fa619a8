import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { FEW_IMAGES, runProgram, TINY } from "../support/program.ts";
import { newestCheckpoint } from "../../src/run/checkpoint.ts";

const OPTIONS = ["train", ...TINY, "--clsf_every=0", "--save_every=0", "--nb_epochs_warmup=0"];
/** Layers shrink by half with each step, whatever their gradients: all embeddings become the last bias. */
const COLLAPSING = ["--weight_decay=1e9", "--eta=0.5", "--lr_init=1", "--momentum=0"];

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

Deno.test("numbers that are not finite end the run with 7, at a logged step or at a save, and are not saved", async () => {
  const root = await Deno.makeTempDir();
  // Finite for a step or two: the first one uses the weights that were drawn.
  const diverging = ["--lr_init=1e30", "--eta=1e30"];
  const start = (name: string, options: string[]) =>
    runProgram([...OPTIONS, ...diverging, `--run_dir=${join(root, name)}`, ...options], {
      script: FEW_IMAGES,
    });
  const logged = await start("logged", ["--max_steps=6"]);
  equal(logged.code, 7, logged.stderr);
  match(
    logged.stderr,
    /Cannot continue after step \d: loss \S+, gradient norm \S+ at learning rate \S+e\+\d+ and tau 0\.\d+/,
  );
  match(logged.stderr, /The rows before it:\n {2}step 0: loss \d/);
  deepEqual(namesIn(join(root, "logged", "checkpoints")), []);

  // Nothing is logged before the save, and the policy is to continue past failed saves.
  const saved = await start("saved", [
    "--log_every=8",
    "--save_every_steps=3",
    "--on_save_error=continue",
  ]);
  equal(saved.code, 7, saved.stderr);
  match(
    saved.stderr,
    /Cannot save \S+: it holds NaN or infinity.*step-000000003\S+ was not written/,
  );
  deepEqual(namesIn(join(root, "saved", "checkpoints")), []);
  await Deno.remove(root, { recursive: true });
});

Deno.test("a collapse is a warning, or ends the run with 7 where that is asked for", async () => {
  const root = await Deno.makeTempDir();
  const start = (name: string, options: string[]) =>
    runProgram(
      [...OPTIONS, ...COLLAPSING, `--run_dir=${join(root, name)}`, "--collapse_rows=3"].concat(
        options,
      ),
      { script: FEW_IMAGES },
    );
  const warned = await start("warned", ["--max_steps=30"]);
  equal(warned.code, 0, warned.stderr);
  equal(
    warned.stderr.match(/The embeddings have collapsed: embedding_std is \S+ at step/g)?.length,
    1,
  );
  const stopped = await start("stopped", ["--max_steps=30", "--stop_on_collapse"]);
  equal(stopped.code, 7, stopped.stderr);
  match(stopped.stderr, /collapsed: .* for 3 logged steps/);
  equal(newestCheckpoint(join(root, "stopped", "checkpoints"), () => {}), undefined);
  await Deno.remove(root, { recursive: true });
});
