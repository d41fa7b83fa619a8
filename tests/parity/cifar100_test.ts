/** CIFAR-100 as Python writes it: an archive of the official one's layout and sizes. The official archive was not read. */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { openData } from "../../src/data/open.ts";
import { liveHandles } from "../../src/native/core.ts";
import { thisEnvironment } from "../../src/options/environment.ts";
import { parseCommandLine } from "../../src/options/parse.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";
import { askPython, startOracle } from "./oracle.ts";
import { NEEDS_ORACLE } from "./torch_files.ts";

startOracle();

Deno.test("an archive of CIFAR-100 has the images, fine labels and classes that Python wrote", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  await inFolder(async (folder) => {
    const { classes, digests } = await askPython<{
      classes: string[];
      digests: { train: string; test: string };
    }>("cifar100.py", [folder]);
    const optionsOf = (...more: string[]): Parameters<typeof openData>[0] => {
      const data = ["--dataset_name=cifar100", `--data_dir=${folder}`, "--offline"];
      return parseCommandLine("train", [...data, ...more], thisEnvironment()).config;
    };
    {
      const opened = await openData(optionsOf("--allow_unverified_data", "--hold_out=5000"));
      using train = opened.train;
      using test = opened.test!;
      using heldOut = opened.heldOut!;
      const { count, classNames, digest, layout, verified, warnings } = train.describe();
      deepEqual([count, heldOut.describe().count, test.describe().count], [45_000, 5000, 10_000]);
      deepEqual([classNames, layout, verified], [classes, "python.tar.gz", false]);
      deepEqual([digest, test.describe().digest], [digests.train, digests.test]);
      match(
        warnings.join(),
        /is not the official file: its MD5 is .*eb9058c3a382ffc7106e4002c42a8d85/,
      );
    }
    await rejects(openData(optionsOf()), /Cannot trust .*cifar-100-python.tar.gz: its MD5 is/);
    await Deno.rename(join(folder, "cifar-100-python.tar.gz"), join(folder, "other.tar.gz"));
    await rejects(
      openData(optionsOf()),
      /Cannot find CIFAR-100's training images: none of these files/,
    );
    equal(liveHandles(), 0);
  });
});
