/** Tests of `--config`: a run by a file of options, and the same run again by its record. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { checkpointPath } from "../../src/run/checkpoint.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { readRunRecord } from "../../src/run/record.ts";
import { byol } from "../support/byol.ts";

Deno.test("a run by a file of options is done again by its record, in a folder of its own", async () => {
  const folder = await Deno.makeTempDir();
  const [file, first, second] = ["options.json", "first", "second"].map((name) =>
    join(folder, name)
  ) as [string, string, string];
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      ...{ hidden_dim: 16, z_dim: 8, batch_size: 16, limit_train: 64, nb_workers: 1 },
      ...{ threads: 1, clsf_every: 0, log_every: 1, nb_epochs: 2, run_dir: first },
    }),
  );
  const trained = await byol("train", `--config=${file}`, "--max_steps=2", "--seed=3");
  equal(trained.code, 0, trained.stderr);
  const { config, origins } = readRunRecord(runFolderAt(first))!;
  deepEqual([config.runDir, config.zDim, config.seed], [first, 8, 3]);
  deepEqual(
    [origins.zDim, origins.seed, origins.momentum],
    [`config ${file}`, "command line", "dataset"],
  );

  const record = join(first, "config.json");
  const again = await byol("train", `--config=${record}`, `--run_dir=${second}`);
  equal(again.code, 0, again.stderr);
  const [one, other] = [first, second].map((run) =>
    describeCheckpoint(checkpointPath(runFolderAt(run).checkpointsDir, 2)).sha256
  );
  equal(one, other);
  equal(readRunRecord(runFolderAt(second))!.origins.zDim, `config ${record}`);

  await Deno.writeTextFile(file, '{ "nb_epoch": 2 }');
  const refused = await byol("train", `--config=${file}`);
  equal(refused.code, 2, refused.stderr);
  match(refused.stderr, /no such option nb_epoch, did you mean nb_epochs/);
  await Deno.remove(folder, { recursive: true });
});
