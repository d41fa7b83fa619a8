import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { FEW_IMAGES, listenTo, runProgram, TINY } from "../support/program.ts";
import { readMetrics } from "../../src/run/metrics_file.ts";

const OPTIONS = ["train", ...TINY, "--clsf_every=0", "--save_every=0", "--nb_epochs=100000"];

Deno.test("a second process on a run is refused with 4 and told the holder; the first one continues", async () => {
  const folder = await Deno.makeTempDir();
  const run = join(folder, "run");
  const options = [...OPTIONS, `--run_dir=${run}`];
  const first = listenTo(options, { script: FEW_IMAGES });
  await first.said(/training \d+ %/);
  const second = await runProgram(options, { script: FEW_IMAGES });
  equal(second.code, 4, second.stderr);
  match(
    second.stderr,
    /Cannot use the run folder \S+: process \d+ on \S+, since \S+Z, whose last heartbeat was \d+ s/,
  );
  first.kill("SIGTERM");
  const { code, stderr } = await first.ended;
  equal(code, 75, stderr);
  const other = await runProgram([...options, "--seed=3", "--tau_base=0.5"], {
    script: FEW_IMAGES,
  });
  equal(other.code, 4);
  match(other.stderr, /--tau_base=\S+ there, 0\.5 here; --seed=0 there, 3 here/);
  const never = await runProgram([...options, "--resume=never"], { script: FEW_IMAGES });
  equal(never.code, 4);
  match(never.stderr, /Cannot start a new run in \S+: it holds a run/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a run whose lock is taken away stops with 4 and writes nothing more", async () => {
  const folder = await Deno.makeTempDir();
  const run = join(folder, "run");
  const { said, ended } = listenTo([...OPTIONS, `--run_dir=${run}`], { script: FEW_IMAGES });
  await said(/training \d+ %/);
  await Deno.remove(join(run, "lock"), { recursive: true });
  const removedAt = Date.now();
  const { code, stderr } = await ended;
  equal(code, 4, stderr);
  match(stderr, /Cannot continue the run: Lost the lock \S+: somebody has removed it/);
  deepEqual([...Deno.readDirSync(join(run, "checkpoints"))], []);
  equal(readMetrics(join(run, "metrics.jsonl")).length > 0, true);
  const names = [...Deno.readDirSync(run)].map(({ name }) => name.replace(/(tfevents).*/, "$1"));
  deepEqual(names.sort(), [
    "checkpoints",
    "config.json",
    "events.out.tfevents",
    "metrics.jsonl",
    "usage.json",
    "views.png",
  ]);
  // The lock is looked at once a second.
  equal(Deno.statSync(join(run, "usage.json")).mtime!.getTime() < removedAt + 2000, true);
  await Deno.remove(folder, { recursive: true });
});
