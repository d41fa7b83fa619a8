import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { RunConfig } from "../../../src/options/config.ts";
import { inFolder } from "../../support/in_folder.ts";
import { writePhotoFolder } from "../../support/photo_files.ts";
import { writeRandomCifarBinary } from "../../support/cifar_files.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { thisEnvironment } from "../../../src/options/environment.ts";
import { openData } from "../../../src/data/open.ts";
import { liveHandles } from "../../../src/native/core.ts";

Deno.test("reading is given up within a second of the signal, and nothing is left of it", async () => {
  const folder = await Deno.makeTempDir();
  await writeRandomCifarBinary(folder, 2);
  const { config } = parseCommandLine(
    "train",
    ["--dataset_name=cifar10", `--data_dir=${folder}`, "--allow_unverified_data", "--offline"],
    thisEnvironment(),
  );
  const before = liveHandles();
  const abort = new AbortController();
  const reason = new Error("SIGTERM");
  let abortedAt = NaN;
  // Five files of 30 MB: what is read in so short a time is a part of them.
  setTimeout(() => {
    abortedAt = performance.now();
    abort.abort(reason);
  }, 20);
  await rejects(openData(config, { signal: abort.signal }), reason);
  ok(performance.now() - abortedAt < 1000);
  equal(liveHandles(), before);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("of photos the splits that are asked for are opened, whatever else the options say", () =>
  inFolder(async (folder) => {
    await writePhotoFolder(folder, 4);
    const optionsOf = (...more: string[]): RunConfig => {
      const words = ["--dataset_name=folder", `--data_dir=${folder}`, "--nb_workers=1", ...more];
      return parseCommandLine("train", words, thisEnvironment()).config;
    };
    const opened = async (
      config: RunConfig,
      splits?: "train" | "train and test",
    ): Promise<number[]> => {
      const data = await openData(config, { splits });
      using train = data.train;
      using test = data.test;
      return [train, test].flatMap((one) => one === undefined ? [] : [one.describe().count]);
    };
    const [trained, evaluated] = [optionsOf("--clsf_every=0"), optionsOf("--clsf_every=1")];
    const both = await opened(evaluated);
    equal(both.length, 2);
    deepEqual(await opened(trained), both.slice(0, 1));
    deepEqual(await opened(trained, "train and test"), both);
    await Deno.remove(join(folder, "val"), { recursive: true });
    deepEqual(await opened(evaluated, "train"), both.slice(0, 1));
    await rejects(opened(evaluated), /Cannot evaluate on .*or --clsf_every=0 to train only/);
    await rejects(opened(trained, "train and test"), /Cannot evaluate on/);
    equal(liveHandles(), 0);
  }));
