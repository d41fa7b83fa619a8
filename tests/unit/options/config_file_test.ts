import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunConfig } from "../../../src/options/config.ts";
import { parseCommandLine, type ParsedCommandLine } from "../../../src/options/parse.ts";
import { optionsByName, originsByName } from "../../../src/options/stored.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";

const MACHINE = { variable: () => undefined, exists: () => false, cores: 2 };

type Read = (content: unknown, ...args: string[]) => ParsedCommandLine;

/** Gives the body a parser of `train` and one of `eval`, each with a file of options of that content. */
async function withFile(
  body: (train: Read, evaluate: Read, path: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "options.json");
  const read = (command: "train" | "eval"): Read => (content, ...args) => {
    Deno.writeTextFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return parseCommandLine(command, [`--config=${path}`, ...args], MACHINE);
  };
  try {
    await body(read("train"), read("eval"), path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function refused(act: () => unknown, exitCode: ExitCode = ExitCode.usage): string {
  let message = "";
  assert.throws(act, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, exitCode);
    message = error.message;
    return true;
  });
  return message;
}

/** A run's record as its config.json holds it, or as version 0.1.0 wrote it. */
function recordOf({ config, origins }: ParsedCommandLine, older = false): unknown {
  const options = older ? { config, origins } : {
    config: optionsByName(config),
    origins: originsByName(origins),
  };
  return { ...options, augmentation: {}, machine: "a processor" };
}

Deno.test("a file of options stands between the command line and the preset", async () => {
  await withFile((train, _evaluate, path) => {
    const file = { preset: "cifar10_tuned", tau_base: 0.9, nb_epochs: 3, sync_bn: false };
    const { config, origins } = train(file, "--nb_epochs=4");
    assert.deepEqual(
      [config.nbWorkers, config.epochs, config.tauBase, config.syncBn, config.datasetName],
      [10, 4, 0.9, false, "cifar10"],
    );
    assert.deepEqual([config.preset, config.expeName], ["cifar10_tuned", "cifar10_tuned"]);
    assert.deepEqual(
      [origins.epochs, origins.tauBase, origins.preset, origins.datasetName, origins.seed],
      ["command line", `config ${path}`, `config ${path}`, "preset cifar10_tuned", "default"],
    );
    const over = train(file, "--preset=byol_imagenet", "--dataset_name=demo");
    assert.deepEqual([over.config.preset, over.config.tauBase], ["byol_imagenet", 0.9]);
    assert.equal(over.config.learningRate, 3.2);
    assert.equal(over.config.datasetName, "demo");
    const unset = train({ dataset_name: "cifar10", limit_train: null, z_dim: 64 });
    assert.deepEqual([unset.config.limitTrain, unset.origins.limitTrain], [null, "default"]);
    assert.deepEqual([unset.config.zDim, unset.config.epochs], [64, 800]);
    for (const value of [5000, "5000", "10%"]) {
      const held = train({ dataset_name: "cifar10", hold_out: value });
      assert.equal(held.config.holdOut, String(value));
    }
  });
});

Deno.test("what a file gives counts as given, in every rule and in all that follows from it", async () => {
  await withFile((train, _evaluate) => {
    const scaled = train({ preset: "deepmind_300", lr_init: 3, dataset_name: "cifar10" });
    assert.equal(scaled.config.learningRate, 3);
    assert.equal(
      train({ preset: "deepmind_300", batch_size: 512, dataset_name: "cifar10" }).config
        .learningRate,
      0.3 * 512 / 256,
    );
    assert.match(refused(() => train({ data_dir: "x" })), /--data_dir=x with --dataset_name=demo/);
    assert.match(refused(() => train({ trace_dir: "x" })), /expected --trace_steps=N with it$/);
    assert.match(
      refused(() => train({ computer: "jeanzay", offline: false })),
      /which never downloads: expected --offline$/,
    );
    const named = train({ expe_name: "mine" }).config;
    assert.deepEqual([named.expeName, named.runDir], ["mine", "runs/mine"]);
  });
});

Deno.test("of a run's record those options count that its user gave, with its preset and data set", async () => {
  await withFile((train, _evaluate, path) => {
    const first = parseCommandLine("train", [
      ...["--preset=cifar10_tuned", "--dataset_name=demo", "--nb_epochs=3", "--seed=5"],
      ...["--run_dir=first", "--expe_name=first", "--resume=never", "--ranks=2"],
      ...["--trace_steps=1", "--trace_dir=traces", "--threads=1"],
    ], MACHINE);
    for (const older of [false, true]) {
      const { config, origins } = train(recordOf(first, older));
      const its: Partial<RunConfig> = {
        ...{ runDir: "runs/cifar10_tuned", expeName: "cifar10_tuned", resume: "auto", ranks: 1 },
        ...{ traceDir: "runs/cifar10_tuned/traces", config: path },
      };
      assert.deepEqual(config, { ...first.config, ...its });
      assert.deepEqual(
        [origins.preset, origins.datasetName, origins.epochs, origins.tauBase, origins.ranks],
        [`config ${path}`, `config ${path}`, `config ${path}`, "preset cifar10_tuned", "default"],
      );
    }
    // What the first run took from its preset or as a default is not kept: a new preset decides.
    const other = train(recordOf(first), "--preset=byol_cifar10", "--dataset_name=demo");
    assert.deepEqual([other.config.tauBase, other.config.epochs], [0.996, 3]);
    // A record of a run that had a file itself: what its file gave counts as well.
    const second = train({ nb_epochs: 7, z_dim: 32 }, "--z_dim=16");
    const { config } = train(recordOf(second));
    assert.deepEqual([config.epochs, config.zDim, config.hiddenDim], [7, 16, 512]);
  });
});

Deno.test("eval takes from a file what is its own, before the checkpoint", async () => {
  await withFile((_train, evaluate, path) => {
    const { config, origins } = evaluate({ checkpoint: "c", threads: 1, batch_size_clsf: 32 });
    assert.deepEqual([config.checkpoint, config.threads, config.probeBatchSize], ["c", 1, 32]);
    assert.equal(origins.probeBatchSize, `config ${path}`);
    const trained = parseCommandLine("train", [
      ...["--dataset_name=cifar10", "--data_dir=images", "--nb_epochs=3", "--momentum_clsf=0.5"],
    ], MACHINE);
    Deno.writeTextFileSync(path, JSON.stringify({ checkpoint: "c", momentum_clsf: 0.5 }));
    const found = parseCommandLine("eval", [`--config=${path}`], {
      ...MACHINE,
      checkpointConfig: () => ({ dataset_name: "demo", momentum_clsf: 0.1, seed: 9 }),
    });
    assert.deepEqual([found.config.probeMomentum, found.config.seed], [0.5, 9]);
    const record = evaluate(recordOf(trained), "--checkpoint=c");
    assert.deepEqual(
      [record.config.dataDir, record.config.probeMomentum, record.origins.dataDir],
      ["images", 0.5, `config ${path}`],
    );
    assert.match(
      refused(() => evaluate({ lr_init: 1 }, "--checkpoint=c")),
      /^Cannot use --config=\S+: it gives lr_init, but it belongs to deno task train$/,
    );
    assert.match(refused(() => evaluate({ threads: 1 })), /^Cannot evaluate without a checkpoint/);
  });
});

Deno.test("a file that cannot be used is refused with the place in it", async () => {
  await withFile((train) => {
    const cases: [unknown, RegExp][] = [
      ["{", /^Cannot read --config=\S+: expected JSON \(/],
      ["[]", /expected an object of options by name, or the config\.json of a run$/],
      ["null", /expected an object of options by name/],
      [{ nb_epoch: 3 }, /: no such option nb_epoch, did you mean nb_epochs$/],
      [{ epochs: 3 }, /: no such option epochs, did you mean nb_epochs$/],
      [{ "--seed": 3 }, /: no such option --seed, did you mean seed$/],
      [{ zzzzzz: 3 }, /: no such option zzzzzz, see deno task train --help$/],
      ['{ "__proto__": 3 }', /: no such option __proto__, /],
      [{ config: "a.json" }, /: its config is "a.json", expected none: a file cannot name another/],
      [{ checkpoint: "c" }, /it gives checkpoint, but to resume from a checkpoint, give --resume/],
      [{ nb_epochs: "3" }, /: its nb_epochs is "3", expected a whole number of at least 1$/],
      [{ nb_epochs: null }, /: its nb_epochs is null, expected a whole number/],
      [{ batch_size: 1 }, /: its batch_size is 1, expected a whole number of at least 2$/],
      [{ resnet_type: "resnet9" }, /: its resnet_type is "resnet9", expected resnet18, /],
      [{ sync_bn: "false" }, /: its sync_bn is "false", expected true or false$/],
      [{ run_dir: ["a"] }, /: its run_dir is \["a"\], expected a path$/],
      [{ config: { mistaken: 1 }, origins: { mistaken: "command line" } }, /option mistaken, /],
      [{ config: { seed: -1 }, origins: { seed: "command line" } }, /its seed is -1, expected/],
    ];
    for (const [content, pattern] of cases) {
      assert.match(refused(() => train(content)), pattern, JSON.stringify(content));
    }
    // Nobody gave it: another version's option, of no account here.
    const ignored = train({ config: { later: 1 }, origins: { later: "default" } });
    assert.equal(ignored.config.epochs, 6);
    assert.match(
      refused(() => parseCommandLine("train", ["--config=/no/such.json"], MACHINE)),
      /^Cannot read --config=\/no\/such\.json: expected a JSON file \(/,
    );
  });
});
