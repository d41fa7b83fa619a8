import { equal, ok, rejects } from "node:assert/strict";
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
