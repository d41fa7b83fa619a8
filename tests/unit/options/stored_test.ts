import assert from "node:assert/strict";
import { parseCommandLine } from "../../../src/options/parse.ts";
import {
  optionsByName,
  originsByName,
  recordedOptions,
  renamedOptions,
  storedOptions,
} from "../../../src/options/stored.ts";
import { FIELDS, optionOf } from "../../../src/options/table.ts";
import { projectRoot } from "../../../src/setup/record.ts";

const MACHINE = { variable: () => undefined, exists: () => false, cores: 2 };

function train(...args: string[]) {
  return parseCommandLine("train", args, MACHINE);
}

/** Returns the options in a file of weights that the program wrote when it had fewer of them (commit 6a63009). */
function optionsOfOlderFile(): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(`${projectRoot}/tests/fixtures/older_options.json`));
}

Deno.test("options are stored under their names, in the table's order, and come back", () => {
  const { config, origins } = train("--preset=cifar10_tuned", "--nb_epochs=3", "--max_steps=5");
  const stored = optionsByName(config);
  const named = FIELDS.filter((field) => !optionOf(field).sparse);
  assert.deepEqual(Object.keys(stored), named.map((field) => optionOf(field).option));
  assert.equal(stored.nb_epochs, 3);
  assert.equal(stored.image_size, null);
  assert.deepEqual(recordedOptions(stored, originsByName(origins)), { config, origins });
  assert.equal(originsByName(origins).tau_base, "preset cifar10_tuned");
});

Deno.test("options that an earlier version stored by field are read, and shown by name", () => {
  const { config, origins } = train("--nb_epochs=3", "--seed=4");
  assert.deepEqual(recordedOptions({ ...config }, { ...origins }), { config, origins });
  const older = { epochs: 3, zDim: 8, seed: 4, note: "of another program" };
  assert.deepEqual(renamedOptions(older), {
    nb_epochs: 3,
    z_dim: 8,
    seed: 4,
    note: "of another program",
  });
  assert.deepEqual(storedOptions(older), { epochs: 3, zDim: 8, seed: 4 });
  assert.deepEqual(storedOptions({ constructor: 1, nb_epochs: undefined }), {});
});

Deno.test("no stored name stands for two options", () => {
  const meanings = new Map<string, string>();
  for (const field of FIELDS) {
    for (const name of new Set([field, optionOf(field).option])) {
      assert.equal(meanings.get(name), undefined, name);
      meanings.set(name, field);
    }
  }
});

Deno.test("a record without heads of another kind has the bytes that it had before there were any", () => {
  const { config } = train("--preset=byol_cifar10", "--data_dir=x");
  assert.equal("heads" in optionsByName(config), false);
  assert.equal(recordedOptions(optionsByName(config)).config.heads, "reference");
  const other = optionsByName(train("--preset=byol_cifar10", "--heads=deepmind").config);
  assert.equal(other.heads, "deepmind");
  assert.equal(recordedOptions(other).config.heads, "deepmind");
  // A preset's record without the option is of a time when there was no other.
  const { heads: _, ...older } = optionsByName(train("--preset=deepmind_40").config);
  assert.equal(recordedOptions(older).config.heads, "reference");
});

Deno.test("an option that a record lacks counts as the default of its own preset and data set", () => {
  const without = (args: string[], ...fields: (keyof ReturnType<typeof train>["config"])[]) => {
    const record: Record<string, unknown> = { ...train(...args).config };
    for (const field of fields) delete record[field];
    return recordedOptions(record);
  };
  const byPreset = without(
    ["--preset=deepmind_300", "--batch_size=512"],
    ...["tauBase", "learningRate", "larsVariant", "saveEveryMinutes"] as const,
  );
  const { config: expected } = train("--preset=deepmind_300", "--batch_size=512");
  assert.deepEqual(byPreset.config, expected);
  assert.deepEqual(
    [byPreset.origins.tauBase, byPreset.origins.saveEveryMinutes],
    ["preset deepmind_300", "default"],
  );
  const cifar = ["--dataset_name=cifar10"];
  const byDataset = without(cifar, "hiddenDim", "probeEpochs", "runDir", "expeName");
  assert.deepEqual(byDataset.config, train(...cifar).config);
  assert.equal(byDataset.origins.hiddenDim, "dataset");
});

Deno.test("an option whose default has changed what a run does counts as it was before", () => {
  const stored = optionsOfOlderFile();
  assert.ok(!("onlineProbe" in stored) && !("cudaGraph" in stored), "the file has become newer");
  const { config } = recordedOptions(stored);
  assert.equal(train().config.onlineProbe, true);
  assert.equal(config.onlineProbe, false);
  assert.equal(config.cudaGraph, true);
  assert.equal(config.epochs, 6);
  assert.deepEqual(FIELDS.filter((field) => config[field] === undefined), []);
});

Deno.test("eval takes from an older checkpoint what its own preset and data set say", () => {
  const evaluate = (stored: Record<string, unknown>, ...args: string[]) =>
    parseCommandLine("eval", ["--checkpoint=c", ...args], {
      ...MACHINE,
      checkpointConfig: () => stored,
    });
  const older = { preset: "imagenette", resnetType: "resnet18", zDim: 256 };
  const { config, origins } = evaluate(older);
  assert.deepEqual([config.datasetName, config.hiddenDim], ["imagenet", 4096]);
  assert.equal(origins.datasetName, "preset imagenette");
  const demo = evaluate({ dataset_name: "demo", z_dim: 128 }, "--dataset_name=cifar10");
  assert.deepEqual([demo.config.hiddenDim, demo.config.zDim, demo.config.probeEpochs], [
    512,
    128,
    3,
  ]);
  // A file of another program says nothing of its training: the images to evaluate on decide.
  const foreign = evaluate({ resnet_type: "resnet50" }, "--dataset_name=imagenet");
  assert.deepEqual([foreign.config.resnetType, foreign.config.probeEpochs], ["resnet50", 90]);
});
