/** Tests of what an earlier version wrote: its runs resume, and its files are read. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { createLearner } from "../../src/encoder/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { setThreads } from "../../src/native/core.ts";
import type { RunConfig } from "../../src/options/config.ts";
import { checkpointPath } from "../../src/run/checkpoint.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { readRunRecord } from "../../src/run/record.ts";
import { byol } from "../support/byol.ts";

const TINY = [
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--nb_workers=1"],
  ...["--limit_train=64", "--nb_epochs=2", "--clsf_every=0", "--log_every=1"],
];
/** Options that an earlier version did not have. */
const LATER: readonly (keyof RunConfig)[] = ["cudaGraph", "tf32", "ampDtype", "initFrom"];

function start(run: string, steps: number, ...args: string[]) {
  return byol("train", ...TINY, `--run_dir=${run}`, `--max_steps=${steps}`, ...args);
}

function checkpointAt(run: string, step: number): string {
  return checkpointPath(runFolderAt(run).checkpointsDir, step);
}

/** Makes the folder and the checkpoint of a run what they were before the options of `LATER`. */
function makeOlder(run: string, step: number): void {
  const folder = runFolderAt(run);
  const record = readRunRecord(folder)!;
  const config: Record<string, unknown> = { ...record.config };
  const origins: Record<string, unknown> = { ...record.origins };
  for (const field of LATER) {
    delete config[field];
    delete origins[field];
  }
  Deno.writeTextFileSync(folder.configFile, JSON.stringify({ ...record, config, origins }));
  const path = checkpointAt(run, step);
  const { metadata } = describeCheckpoint(path);
  setThreads(1);
  using learner = createLearner(record.config);
  learner.addProbe(10);
  learner.load(path);
  learner.save(path, { ...metadata, config });
}

Deno.test("a run that an earlier version began resumes, and equals the unbroken one", async () => {
  const folder = await Deno.makeTempDir();
  const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];
  for (const [run, steps] of [[whole, 4], [cut, 2]] as const) {
    const { code, stderr } = await start(run, steps);
    equal(code, 0, stderr);
  }
  makeOlder(cut, 2);
  const info = await byol("info", `--checkpoint=${checkpointAt(cut, 2)}`, "--format=json");
  const shown = JSON.parse(info.stdout).config;
  deepEqual([shown.nb_epochs, shown.z_dim, shown.epochs, shown.tf32], [2, 8, undefined, undefined]);

  const other = await start(cut, 4, "--tf32");
  equal(other.code, 4, other.stderr);
  match(other.stderr, /--tf32=false there, true here/);
  const resumed = await start(cut, 4);
  equal(resumed.code, 0, resumed.stderr);
  const [ours, theirs] = [cut, whole].map((run) => describeCheckpoint(checkpointAt(run, 4)));
  equal(ours!.sha256, theirs!.sha256);
  const stored = ours!.metadata!.config as Record<string, unknown>;
  deepEqual([stored.nb_epochs, stored.epochs], [2, undefined]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a run begins at an earlier version's checkpoint, and its encoder is evaluated", async () => {
  const folder = await Deno.makeTempDir();
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  equal((await start(first, 2)).code, 0);
  makeOlder(first, 2);
  const path = checkpointAt(first, 2);
  const begun = await start(second, 3, `--resume=${path}`, "--seed=5");
  equal(begun.code, 0, begun.stderr);
  match(begun.stderr, /was trained with other options, .*: --seed=0 there, 5 here$/m);
  const found = await byol("eval", `--checkpoint=${path}`, "--protocol=knn", "--format=json");
  equal(found.code, 0, found.stderr);
  equal(JSON.parse(found.stdout).protocol, "knn");
  await Deno.remove(folder, { recursive: true });
});
