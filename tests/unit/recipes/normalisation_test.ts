import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { parseCommandLine } from "../../../src/options/parse.ts";
import {
  isMeasured,
  NORMALISATION_PATTERN,
  normalisationOf,
  normalisationText,
} from "../../../src/recipes/normalisation.ts";
import { NORMALISATION } from "../../../src/recipes/views.ts";

const MEASURED = {
  mean: [0.25, 0.5, 0.75] as [number, number, number],
  std: [0.125, 0.25, 1e-3] as [number, number, number],
};

Deno.test("what was measured is written as a value of the option, and read again", () => {
  const deep = { ...MEASURED, range: [100, 4000] as [number, number] };
  for (const measured of [MEASURED, deep]) {
    const text = normalisationText(measured);
    match(text, NORMALISATION_PATTERN);
    ok(isMeasured(text));
    deepEqual(normalisationOf({ datasetName: "folder", normalisation: text }), measured);
  }
  equal(
    normalisationText(deep),
    "data:0.250000,0.500000,0.750000:0.125000,0.250000,0.001000:100-4000",
  );
});

Deno.test("a data set has constants of its own, and may take another's", () => {
  for (const datasetName of ["demo", "cifar10", "imagenet", "folder"] as const) {
    equal(normalisationOf({ datasetName }), NORMALISATION[datasetName]);
    equal(normalisationOf({ datasetName, normalisation: "cifar" }), NORMALISATION.cifar10);
    equal(normalisationOf({ datasetName, normalisation: "imagenet" }), NORMALISATION.imagenet);
  }
  throws(
    () => normalisationOf({ datasetName: "folder", normalisation: "data" }),
    /were not measured/,
  );
});

Deno.test("the option takes names and what was measured; the demo is not measured", () => {
  const parsed = (...args: string[]) =>
    parseCommandLine("train", args, { variable: () => undefined, exists: () => false, cores: 1 });
  const text = normalisationText(MEASURED);
  equal(parsed(`--normalisation=${text}`).config.normalisation, text);
  equal(parsed().config.normalisation, null);
  for (const value of ["mean", "data:", "data:0.1:0.2", `${text}:5`, "data:0.1,0.1,0.1:2.0,0,0"]) {
    throws(
      () => parsed(`--normalisation=${value}`),
      /expected imagenet, cifar, data, or what/,
      value,
    );
  }
  throws(() => parsed("--normalisation=data"), /Cannot measure --dataset_name=demo/);
});
