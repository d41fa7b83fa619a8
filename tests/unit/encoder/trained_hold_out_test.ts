import { deepEqual, equal, match, throws } from "node:assert/strict";
import { evaluatedHoldOut, requireNoLeak } from "../../../src/encoder/trained_hold_out.ts";
import type { Origin, Origins, RunConfig } from "../../../src/options/config.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { UserError } from "../../../src/base/exit_codes.ts";

const IMAGES = { digest: "of these", found: { place: "", images: 50_000, classes: 10 } };

/** Metadata of a checkpoint of CIFAR-10. */
function trainedWith(holdOut: string | null, { digest = "of these", ...config } = {}) {
  return {
    data: { digest },
    config: { dataset_name: "cifar10", data_dir: "/data/cifar10", hold_out: holdOut, ...config },
  };
}

function asking(holdOut: string | null, origin: Origin = "command line", datasetName = "cifar10") {
  const { config, origins } = parseCommandLine("train", ["--dataset_name=demo"], {
    ...{ variable: () => undefined, exists: () => false, cores: 1 },
  });
  return {
    config: { ...config, datasetName, dataDir: "/data/cifar10", holdOut } as RunConfig,
    origins: { ...origins, holdOut: origin } as Origins,
  };
}

function evaluated(asked: ReturnType<typeof asking>, metadata: Record<string, unknown>) {
  return evaluatedHoldOut(asked, { path: "FILE", train: IMAGES, found: { metadata } });
}

Deno.test("an evaluation takes the checkpoint's value, and accepts as many images by another word", () => {
  const asked = asking("10%", "checkpoint");
  deepEqual(evaluated(asked, trainedWith("10%")), { holdOut: "10%" });
  deepEqual(evaluated(asking("5000"), trainedWith("10%")), { holdOut: "5000" });
  deepEqual(evaluated(asking("10.0%"), trainedWith("10%")), { holdOut: "10.0%" });
});

Deno.test("an evaluation on the checkpoint's images refuses less, which leaks, and more, which it has seen", () => {
  for (
    const [there, here, reason] of [
      [
        "10%",
        "4999",
        /the probe would learn from images that were held out: expected --hold_out=10%/,
      ],
      ["5000", "9.9%", /the probe would learn from images that were held out/],
      ["10%", "11%", /its encoder has learnt from images that would be held out/],
      [null, "1", /with --hold_out=\(none\), and its encoder has learnt .* expected no --hold_out/],
    ] as const
  ) {
    throws(() => evaluated(asking(here), trainedWith(there)), (error: UserError) => {
      match(error.message, reason);
      return error.exitCode === 5;
    });
    // A folder that has grown has another digest, and is the same place.
    throws(() => evaluated(asking(here), trainedWith(there, { digest: "of fewer" })), reason);
  }
});

Deno.test("images of another data set are evaluated by what is asked for", () => {
  const other = { digest: "of others", data_dir: "/elsewhere" };
  equal(evaluated(asking("5%"), trainedWith("10%", other)).holdOut, "5%");
  const kept = evaluated(asking("10%", "checkpoint"), trainedWith("10%", other));
  deepEqual(kept, { holdOut: "10%" });
  const asked = asking("10%", "checkpoint", "folder");
  const { holdOut, note } = evaluated(asked, trainedWith("10%", other));
  equal(holdOut, null);
  match(note!, /No images are held out: the checkpoint's --hold_out=10% was for other images/);
  // Another program's file names no images.
  equal(
    evaluatedHoldOut(asking("5%"), { path: "", train: IMAGES, found: { metadata: null } }).holdOut,
    "5%",
  );
});

Deno.test("a training may begin with an encoder that has not seen what is held out", () => {
  const begin = (holdOut: string | null, before: string | null) => () =>
    requireNoLeak(asking(holdOut).config, {
      ...{ path: "FILE", train: IMAGES, use: "begin with" },
      metadata: trainedWith(before),
    });
  for (const holdOut of [null, "10%", "5000", "1"]) begin(holdOut, "10%")();
  throws(begin("11%", "10%"), /Cannot begin with FILE with --hold_out=11%/);
  throws(begin("1", null), /its encoder has learnt from images that would be held out/);
});
