import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Environment, thisEnvironment } from "../../../src/options/environment.ts";
import { parseCommandLine, type ParsedCommandLine } from "../../../src/options/parse.ts";
import { FIELDS, optionOf } from "../../../src/options/table.ts";
import { PER_DATASET } from "../../../src/options/option.ts";
import { problemOf } from "../../../src/base/option_values.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { EVAL, TRAIN } from "../../../src/options/commands/run.ts";
import { helpOf } from "../../../src/base/help.ts";
import { wantsHelp } from "../../../src/base/command_line.ts";
import { nearestTo } from "../../../src/base/edit_distance.ts";
import { SINGLE_PROCESS } from "../../../src/runtime/rank.ts";
import { writtenPages } from "../../../src/commands/docs.ts";
import { BYOL_CIFAR10, DATASET_DEFAULTS, PRESETS } from "../../../src/options/presets.ts";

/** A machine of three cores with the files and variables named. */
function machine(
  { files = [], variables = {} }: { files?: string[]; variables?: Record<string, string> } = {},
): Environment {
  return {
    variable: (name) => variables[name],
    exists: (path) => files.includes(path),
    cores: 3,
  };
}

function train(args: string[], environment = machine()): ParsedCommandLine {
  return parseCommandLine("train", args, environment);
}

function refused(
  act: () => unknown,
  exitCode: ExitCode = ExitCode.usage,
): string {
  let message = "";
  assert.throws(act, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, exitCode);
    message = error.message;
    return true;
  });
  assert.doesNotMatch(message, /\.$/, "a message ends without a stop");
  return message;
}

Deno.test("no option at all is the demo", () => {
  const { config, origins, notes } = train([]);
  assert.equal(config.datasetName, "demo");
  assert.equal(config.resnetType, "resnet20");
  assert.equal(config.dataDir, null);
  assert.equal(config.expeName, "demo_resnet20");
  assert.equal(config.runDir, "runs/demo_resnet20");
  assert.equal(config.traceDir, "runs/demo_resnet20/traces");
  assert.equal(config.threads, 3);
  assert.equal(config.maxSteps, null);
  assert.equal(config.resume, "auto");
  assert.equal(origins.datasetName, "default");
  assert.equal(origins.epochs, "dataset");
  assert.deepEqual(notes, []);
  for (const field of FIELDS) {
    assert.notEqual(config[field], undefined, field);
    assert.notEqual(origins[field], undefined, field);
  }
});

Deno.test("cifar10's defaults are the reference program's", () => {
  const { config, origins } = train(["--dataset_name=cifar10"]);
  const expected = {
    resnetType: "resnet18",
    epochs: 800,
    warmupEpochs: 10,
    batchSize: 512,
    learningRate: 2,
    momentum: 0.9,
    weightDecay: 1e-6,
    eta: 1e-3,
    hiddenDim: 4096,
    zDim: 256,
    tauBase: 0.996,
    evalEveryEpochs: 100,
    saveEveryEpochs: 100,
    probeEpochs: 90,
    probeBatchSize: 256,
    probeLearningRate: 0.2,
    probeMomentum: 0.9,
    probeWeightDecay: 0,
    bnViews: "joint",
    larsVariant: "reference",
    computer: "other",
    hardware: "cpu",
    precision: "normal",
    nbWorkers: 10,
    dataDir: "data/cifar10",
  } as const;
  for (const [field, value] of Object.entries(expected)) {
    assert.equal(config[field as keyof typeof expected], value, field);
  }
  assert.equal(origins.datasetName, "command line");
  assert.equal(origins.dataDir, "dataset");
  const imagenet = DATASET_DEFAULTS.imagenet;
  assert.deepEqual(
    [imagenet.resnetType, imagenet.epochs, imagenet.batchSize, imagenet.learningRate],
    ["resnet50", 1000, 4096, 3.2],
  );
  assert.equal(imagenet.weightDecay, 1.5e-6);
});

Deno.test("values are given with an equals sign or after a space, switches alone or with one", () => {
  const joined = train(["--batch_size=100", "--lr_init=.5", "--run_dir=a=b", "--eval_at_end"]);
  const spaced = train([
    "--batch_size",
    "100",
    "--lr_init",
    "5e-1",
    "--run_dir",
    "a=b",
    "--eval_at_end=true",
  ]);
  assert.deepEqual(joined, spaced);
  assert.equal(joined.config.batchSize, 100);
  assert.equal(joined.config.learningRate, 0.5);
  assert.equal(joined.config.runDir, "a=b");
  assert.equal(joined.config.evalAtEnd, true);
  assert.equal(train(["--eval_at_end=false"]).config.evalAtEnd, false);
  assert.equal(train(["--seed=1", "--seed=2"]).config.seed, 2);
});

Deno.test("an unknown option is refused with the nearest name", () => {
  assert.match(
    refused(() => train(["--batchsize=3"])),
    /--batchsize: .*did you mean --batch_size$/,
  );
  assert.match(refused(() => train(["--batch-size", "3"])), /did you mean --batch_size$/);
  assert.match(refused(() => train(["--nb_epoch=3"])), /did you mean --nb_epochs$/);
  assert.match(refused(() => train(["--zzzzzz"])), /see deno task train --help$/);
  assert.match(refused(() => train(["-b", "3"])), /Cannot use -b: no such option/);
  assert.match(refused(() => train(["--__proto__=1"])), /no such option/);
  assert.match(refused(() => train(["demo"])), /the argument "demo": expected --option=value$/);
  assert.match(refused(() => train(["--", "--seed=1"])), /the argument "--seed=1"/);
});

Deno.test("the nearest name must be near, or continue what was typed", () => {
  const names = ["batch_size", "batch_size_clsf", "eta", "seed"];
  assert.equal(nearestTo("batch_siez", names), "batch_size");
  assert.equal(nearestTo("batch", names), "batch_size");
  assert.equal(nearestTo("sed", names), "seed");
  assert.equal(nearestTo("colour", names), undefined);
  assert.equal(nearestTo("", names), undefined);
});

Deno.test("each kind of value is checked", () => {
  const cases: [string, RegExp][] = [
    ["--batch_size=1", /--batch_size=1: expected a whole number of at least 2$/],
    ["--batch_size=64.5", /expected a whole number/],
    ["--batch_size=1e3", /expected a whole number/],
    ["--batch_size=", /--batch_size=: expected a whole number/],
    ["--nb_epochs=0", /at least 1/],
    ["--nb_epochs=99999999999999999999", /whole number/],
    ["--nb_epochs_warmup=-1", /at least 0/],
    ["--lr_init=NaN", /--lr_init=NaN: expected a number above 0$/],
    ["--lr_init=inf", /a number above 0/],
    ["--lr_init=1e999", /a number above 0/],
    ["--lr_init=0", /a number above 0/],
    ["--lr_init=0x10", /a number above 0/],
    ["--lr_init=1,5", /a number above 0/],
    ["--momentum=1", /of at least 0 and below 1$/],
    ["--momentum_clsf=0", /above 0 and below 1$/],
    ["--tau_base=1.01", /from 0 to 1$/],
    ["--weight_decay=-1e-6", /of at least 0$/],
    ["--seed=-1", /at least 0/],
    ["--seed=9007199254740992", /whole number/],
    ["--threads=0", /from 1 to 1024$/],
    [
      "--dataset_name=cifar",
      /--dataset_name=cifar: expected demo, .* or folder; did you mean cifar10$/,
    ],
    ["--resnet_type=resnet9", /expected resnet18, /],
    ["--dtype=float16", /expected float32 or float64$/],
    ["--preset=fast", /expected byol_cifar10, /],
    ["--offline=maybe", /expected true or false$/],
    ["--data_dir=", /expected a path$/],
    ["--resume=", /expected auto, never, a path$/],
    ["--expe_name=a/b", /expected a name of letters/],
    ["--expe_name=..", /expected a name of letters/],
    ["--clsf_every=-1", /at least 0/],
    ["--trace_steps=-1", /at least 0/],
  ];
  for (const [arg, pattern] of cases) assert.match(refused(() => train([arg])), pattern, arg);
});

Deno.test("an option without its value is refused, whatever follows", () => {
  assert.match(refused(() => train(["--data_dir"])), /without a value: expected --data_dir=value$/);
  assert.match(refused(() => train(["--run_dir", "--seed=3"])), /--run_dir without a value/);
  assert.equal(train(["--weight_decay", "0"]).config.weightDecay, 0);
});

Deno.test("what cannot run together is refused", () => {
  assert.match(
    refused(() => train(["--data_dir=x"])),
    /--data_dir=x with --dataset_name=demo, which is built in: expected --dataset_name=cifar10/,
  );
  assert.match(refused(() => train(["--trace_dir=x"])), /expected --trace_steps=N with it$/);
  assert.equal(train(["--trace_dir=x", "--trace_steps=1"]).config.traceDir, "x");
  assert.match(refused(() => train(["--clsf_every=0", "--eval_at_end"])), /--clsf_every=0/);
  assert.equal(train(["--clsf_every=0"]).config.evalEveryEpochs, 0);
  assert.match(
    refused(() => train(["--dataset_name=imagenet", "--data_dir=x", "--resnet_type=resnet20"])),
    /--resnet_type=resnet20, .* at most 64 pixels, on views of 224: expected --image_size=64 or/,
  );
});

Deno.test("a GPU that is not there, and what it alone can do, are refused in a sentence", () => {
  const on = (gpus: number, ...args: string[]): string =>
    refused(() => train(args, { ...machine(), gpus: () => gpus }));
  assert.match(
    refused(() => train(["--hardware=mono-gpu"], { ...machine(), gpus: () => 0 }), ExitCode.setup),
    /^Cannot use --hardware=mono-gpu: no NVIDIA GPU is visible here .*, expected one, or --hardware=cpu$/,
  );
  assert.match(
    on(2, "--hardware=mono-gpu", "--ranks=2"),
    /^Cannot use --ranks=2 with --hardware=mono-gpu: expected --hardware=multi-gpu$/,
  );
  assert.match(
    on(0, "--precision=mixed", "--amp_dtype=fp16"),
    /^Cannot use --amp_dtype=fp16 with --hardware=cpu: expected bf16 or auto$/,
  );
  assert.match(
    on(0, "--precision=mixed", "--dtype=float64"),
    /^Cannot use --precision=mixed with --dtype=float64/,
  );
});

Deno.test("this machine is asked for what is there", () => {
  const environment = thisEnvironment();
  assert.equal(environment.cores, navigator.hardwareConcurrency);
  assert.equal(
    environment.exists(fileURLToPath(new URL("../../../src/options/parse.ts", import.meta.url))),
    true,
  );
  assert.equal(environment.exists("/no/such/path"), false);
  assert.equal(environment.variable("BYOL_NO_SUCH_VARIABLE"), undefined);
});

Deno.test("where a GPU is seen and not used, that is said", () => {
  const { notes } = train([], machine({ files: ["/dev/nvidia0"] }));
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /--hardware=mono-gpu/);
});

Deno.test("a warm-up longer than the run is allowed, and said", () => {
  const { notes } = train(["--nb_epochs=5", "--nb_epochs_warmup=6"]);
  assert.match(notes.join(), /The warm-up of 6 epochs is longer than the run of 5/);
});

Deno.test("a preset wins over the data set, the command line over the preset, and it is recorded", () => {
  const { config, origins } = train(["--preset=cifar10_tuned", "--lr_init=1"]);
  assert.equal(config.datasetName, "cifar10");
  assert.equal(origins.datasetName, "preset cifar10_tuned");
  assert.equal(config.tauBase, 0.99);
  assert.equal(origins.tauBase, "preset cifar10_tuned");
  assert.equal(config.learningRate, 1);
  assert.equal(origins.learningRate, "command line");
  assert.equal(config.expeName, "cifar10_tuned");
  assert.equal(origins.seed, "default");
  assert.equal(train(["--preset=byol_cifar10"]).config.tauBase, 0.996);
});

Deno.test("DeepMind's presets scale the learning rate with the batch, unless it is given", () => {
  // The data set is replaced by one this version has.
  const deepMind = ["--preset=deepmind_300", "--dataset_name=cifar10"];
  const whole = train(deepMind).config;
  assert.ok(Math.abs(whole.learningRate - 0.3 * 4096 / 256) < 1e-12);
  assert.equal(whole.bnViews, "separate");
  assert.equal(whole.larsVariant, "deepmind");
  const half = train([...deepMind, "--batch_size=512"]);
  assert.ok(Math.abs(half.config.learningRate - 0.6) < 1e-12);
  assert.equal(half.origins.learningRate, "preset deepmind_300");
  assert.equal(train([...deepMind, "--batch_size=512", "--lr_init=3"]).config.learningRate, 3);
});

Deno.test("the presets hold the published numbers, each within the options' own limits", () => {
  const numbers = ([40, 100, 300, 1000] as const).map((epochs) => {
    const { recipe, learningRatePer256 } = PRESETS[`deepmind_${epochs}`];
    assert.equal(recipe.epochs, epochs);
    assert.equal(recipe.warmupEpochs, 10);
    return [learningRatePer256, recipe.weightDecay, recipe.tauBase];
  });
  assert.deepEqual(numbers, [
    [0.45, 1e-6, 0.97],
    [0.45, 1e-6, 0.99],
    [0.3, 1e-6, 0.99],
    [0.2, 1.5e-6, 0.996],
  ]);
  assert.deepEqual(PRESETS.byol_cifar10.recipe, BYOL_CIFAR10);
  for (
    const { recipe } of [
      ...Object.values(PRESETS),
      ...Object.values(DATASET_DEFAULTS).map((recipe) => ({ recipe })),
    ]
  ) {
    const fields = FIELDS.filter((field) => optionOf(field).default === PER_DATASET);
    assert.deepEqual(Object.keys(recipe).toSorted(), fields.toSorted());
    for (const field of fields) {
      const value = recipe[field as keyof typeof recipe];
      assert.equal(problemOf(optionOf(field).value, value), undefined, `${field}=${value}`);
    }
  }
});

Deno.test("jeanzay: data below $DSDIR, never a download", () => {
  const jeanZay = ["--computer=jeanzay", "--dataset_name=cifar10"];
  const variables = { DSDIR: "/dsdir" };
  const { config, origins } = train(jeanZay, machine({ files: ["/dsdir/cifar10"], variables }));
  assert.equal(config.dataDir, "/dsdir/cifar10");
  assert.equal(config.offline, true);
  assert.equal(origins.offline, "--computer=jeanzay");
  assert.match(refused(() => train(jeanZay), ExitCode.data), /\$DSDIR is not set.*\$SCRATCH/);
  assert.match(
    refused(() => train(jeanZay, machine({ variables })), ExitCode.data),
    /Cannot find cifar10 below \$DSDIR=\/dsdir: expected cifar10, /,
  );
  const own = train([...jeanZay, "--data_dir=/scratch/cifar"], machine({ variables }));
  assert.equal(own.config.dataDir, "/scratch/cifar");
  assert.match(
    refused(() => train([...jeanZay, "--offline=false"])),
    /which never downloads: expected --offline$/,
  );
  assert.equal(train(["--computer=jeanzay"]).config.dataDir, null);
});

Deno.test("ImageNet is looked for below $DSDIR, loose or packed, then beside the program", () => {
  const found = (files: string[], variables: Record<string, string> = { DSDIR: "/dsdir" }) =>
    train(["--dataset_name=imagenet"], machine({ files, variables })).config.dataDir;
  assert.equal(found(["/dsdir/imagenet/train"]), "/dsdir/imagenet");
  assert.equal(found(["/dsdir/imagenet/RawImages/train"]), "/dsdir/imagenet/RawImages");
  assert.equal(found(["/dsdir/imagenet/train.json"]), "/dsdir/imagenet");
  assert.equal(found(["data/imagenet/train"]), "data/imagenet");
  assert.equal(found([]), "/dsdir/imagenet");
  assert.equal(found([], {}), "data/imagenet");
  const own = train(["--dataset_name=imagenet", "--data_dir=/mine", "--computer=jeanzay"]);
  assert.equal(own.config.dataDir, "/mine");
});

Deno.test("a sweep of the probe's learning rate needs features that are computed once", () => {
  assert.match(refused(() => train(["--clsf_lr_sweep"])), /--clsf_augment=false/);
  const { config } = train(["--clsf_lr_sweep", "--clsf_augment=false"]);
  assert.deepEqual([config.probeSweep, config.probeAugment], [true, false]);
});

Deno.test("eval takes what is not given from the checkpoint", () => {
  const environment: Environment = {
    ...machine(),
    checkpointConfig: (path) => {
      assert.equal(path, "demo.safetensors");
      const network = { datasetName: "demo", resnetType: "resnet20" };
      return { ...network, probeEpochs: 7, seed: 5, threads: 64, limitTrain: null };
    },
  };
  const args = ["--checkpoint=demo.safetensors", "--batch_size_clsf=32"];
  const { config, origins } = parseCommandLine("eval", args, environment);
  assert.equal(config.checkpoint, "demo.safetensors");
  assert.equal(config.probeEpochs, 7);
  assert.equal(origins.probeEpochs, "checkpoint");
  assert.equal(config.seed, 5);
  assert.equal(config.probeBatchSize, 32);
  assert.equal(origins.probeBatchSize, "command line");
  assert.equal(config.probeMomentum, 0.9);
  assert.equal(origins.probeMomentum, "dataset");
  assert.deepEqual([config.limitTrain, origins.limitTrain], [null, "default"]);
  assert.equal(config.threads, 3, "threads belong to the machine, not to the checkpoint");
});

Deno.test("fine-tuning has defaults of its own, whatever the checkpoint says, and the command line wins", () => {
  const evaluate = (...args: string[]) =>
    parseCommandLine("eval", ["--checkpoint=c", "--protocol=finetune", ...args], {
      ...machine(),
      checkpointConfig: () => ({
        ...{ datasetName: "imagenet", probeEpochs: 90, probeLearningRate: 0.2 },
        ...{ probeAugment: false, probeSweep: true },
      }),
    });
  const { config, origins } = evaluate("--lr_init_clsf=0.02");
  assert.deepEqual([config.probeEpochs, origins.probeEpochs], [30, "--protocol=finetune"]);
  assert.deepEqual([config.probeBatchSize, config.probeLearningRate], [1024, 0.02]);
  assert.equal(origins.probeLearningRate, "command line");
  assert.deepEqual([config.probeAugment, config.probeSweep], [true, false]);
  assert.equal(evaluate("--clsf_lr_sweep").config.probeSweep, true);
});

Deno.test("eval refuses what contradicts the checkpoint, and a checkpoint that makes no sense", () => {
  const evaluate = (saved: Record<string, unknown>, ...args: string[]) => () =>
    parseCommandLine("eval", ["--checkpoint=c", ...args], {
      ...machine(),
      checkpointConfig: () => saved,
    });
  assert.match(
    refused(evaluate({ resnetType: "resnet20" }, "--resnet_type=resnet18"), ExitCode.checkpoint),
    /^Cannot evaluate c with --resnet_type=resnet18: it was trained with --resnet_type=resnet20/,
  );
  assert.match(
    refused(evaluate({ probeEpochs: "many" }), ExitCode.checkpoint),
    /its nb_epochs_clsf is "many", expected a whole number of at least 1$/,
  );
  assert.match(
    refused(() => parseCommandLine("eval", [], machine())),
    /^Cannot evaluate without a checkpoint: expected --checkpoint=FILE$/,
  );
  assert.match(
    refused(evaluate({}, "--lr_init=1")),
    /--lr_init with deno task eval: it belongs to/,
  );
  assert.match(refused(() => train(["--checkpoint=c"])), /give --resume=FILE$/);
});

Deno.test("the reference program's commands for the CPU are understood as they are", () => {
  const given = "--computer=other --hardware=cpu --precision=normal --nb_workers=10 " +
    "--expe_name=byol_cifar10 --dataset_name=cifar10 --resnet_type=resnet18 --nb_epochs=800 " +
    "--nb_epochs_warmup=10 --batch_size=512 --lr_init=2.0 --momentum=0.9 --weight_decay=1e-6 " +
    "--eta=1e-3 --z_dim=256 --tau_base=0.996 --clsf_every=100 --save_every=100 " +
    "--nb_epochs_clsf=90 --batch_size_clsf=256 --lr_init_clsf=0.2 --momentum_clsf=0.9 " +
    "--weight_decay_clsf=0.0";
  const { config } = train(given.split(" "));
  const { config: byDefault } = train(["--dataset_name=cifar10", "--expe_name=byol_cifar10"]);
  assert.deepEqual(config, byDefault);
  const evaluation = parseCommandLine(
    "eval",
    ("--computer=other --hardware=cpu --precision=normal --nb_workers=10 --dataset_name=cifar10 " +
      "--resnet_type=resnet18 --z_dim=256 --nb_epochs_clsf=90 --batch_size_clsf=256 " +
      "--lr_init_clsf=0.2 --momentum_clsf=0.9 --weight_decay_clsf=0.0 --checkpoint=x").split(" "),
    machine(),
  );
  assert.equal(evaluation.config.checkpoint, "x");
});

Deno.test("help names every option of its command, with the defaults of each data set", () => {
  assert.ok(wantsHelp(["--seed=1", "--help"]) && wantsHelp(["-h"]));
  assert.ok(!wantsHelp(["--seed=1"]));
  for (const command of ["train", "eval"] as const) {
    const text = helpOf({ train: TRAIN, eval: EVAL }[command]);
    for (const field of FIELDS) {
      const { option, commands } = optionOf(field);
      const isThere = new RegExp(`^  --${option}(=|$)`, "m").test(text);
      assert.equal(isThere, commands.includes(command), `--${option} in ${command}`);
    }
    assert.ok(text.split("\n").every((line) => line.length <= 105), "a line is too long");
  }
  assert.match(
    helpOf(TRAIN),
    /Default: demo \d+, cifar10 800,\s+cifar100\s+800,\s+imagenet\s+1000/,
  );
});

Deno.test("what is written in docs/ is what the tables say", async () => {
  for (const [name, text] of Object.entries(writtenPages())) {
    const page = await Deno.readTextFile(new URL(`../../../docs/${name}`, import.meta.url));
    assert.equal(page, text, name);
  }
});

Deno.test("the default run folder tells two folders of photos apart, and keeps an earlier version's", () => {
  const photos = ["--dataset_name=folder", "--resnet_type=resnet18"];
  const runDirOf = (args: string[], dataDirOfRun?: (path: string) => string | undefined): string =>
    train([...photos, ...args], {
      ...machine(),
      recordOfRun: (path) => {
        const dataDir = dataDirOfRun?.(path);
        return dataDir === undefined ? undefined : { config: { dataDir }, origins: {} };
      },
    }).config.runDir;
  assert.equal(runDirOf(["--data_dir=/a/birds"]), "runs/folder_birds_resnet18");
  assert.equal(runDirOf(["--data_dir=/a/fish and chips/"]), "runs/folder_fish-and-chips_resnet18");
  assert.equal(runDirOf(["--data_dir=/a/birds/../fish"]), "runs/folder_fish_resnet18");
  assert.equal(runDirOf([]), "runs/folder_resnet18");
  assert.equal(runDirOf(["--data_dir=/a/birds", "--expe_name=mine"]), "runs/mine");
  assert.equal(runDirOf(["--data_dir=/a/birds", "--run_dir=there"]), "there");
  assert.equal(
    runDirOf(["--data_dir=/a/birds", "--preset=byol_imagenet"]),
    "runs/byol_imagenet_birds",
  );
  assert.equal(
    train(["--dataset_name=imagenet", "--data_dir=/a/birds"]).config.runDir,
    "runs/imagenet_resnet50",
  );
  // A run under way: found by the name of its images' folder, wherever that stands by now.
  const earlier = (path: string): string | undefined =>
    path === "runs/folder_resnet18" ? "/elsewhere/birds" : undefined;
  assert.equal(runDirOf(["--data_dir=/a/birds"], earlier), "runs/folder_resnet18");
  assert.equal(runDirOf(["--data_dir=/a/fish"], earlier), "runs/folder_fish_resnet18");
});

Deno.test("a preset for images of 32 pixels is refused on photos, unless the views' size is given", () => {
  const folder = refused(() => train(["--dataset_name=folder", "--preset=cifar10_tuned"]));
  assert.match(folder, /--preset=cifar10_tuned, a recipe for images of 32 pixels, on photos/);
  assert.match(folder, /expected no --preset, for a recipe by the number and size/);
  const imagenet = refused(() => train(["--preset=byol_cifar10", "--dataset_name=imagenet"]));
  assert.match(imagenet, /expected --preset=byol_imagenet, or --image_size=N/);
  const { config } = train([
    "--dataset_name=folder",
    "--preset=cifar10_tuned",
    "--image_size=32",
  ]);
  assert.equal(config.imageSize, 32);
  assert.equal(config.batchSize, 512);
  assert.equal(train(["--dataset_name=folder", "--preset=imagenette"]).config.batchSize, 256);
});

Deno.test("the images' folder of a run is read from its record, whatever stands there", async () => {
  const folder = await Deno.makeTempDir();
  const found = (): string | undefined => {
    const dataDir: unknown = thisEnvironment().recordOfRun?.(folder)?.config.dataDir;
    return typeof dataDir === "string" ? dataDir : undefined;
  };
  assert.equal(found(), undefined);
  const record = `${folder}/config.json`;
  for (
    const [text, expected] of [
      ['{"config":{"data_dir":"/a"}}', "/a"],
      ['{"config":{"dataDir":"/b"}}', "/b"],
      ['{"config":null}', undefined],
      ['{"config":{"data_dir":7}}', undefined],
      ["{", undefined],
    ] as const
  ) {
    Deno.writeTextFileSync(record, text);
    assert.equal(found(), expected, text);
  }
  Deno.removeSync(record);
  await new Deno.Command("mkfifo", { args: [record] }).output();
  assert.equal(found(), undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("batch statistics over one value are refused at the start", () => {
  const message = /one value.*expected at least 2/;
  const started = (worldSize: number): Environment => ({
    ...machine(),
    rankInfo: { ...SINGLE_PROCESS, worldSize, launcher: "torchrun" },
  });
  const [separate, apart] = ["--bn_views=separate", "--sync_bn=false"];
  for (
    const [ranks, ...args] of [
      [1, "--batch_size=4", "--max_batch_per_rank=1", separate],
      [1, "--batch_size=4", "--accumulate_steps=4", separate],
      [4, "--batch_size=4", separate, apart],
      [2, "--batch_size=4", "--accumulate_steps=2", separate, apart],
      [1, "--batch_size=4", "--preset=deepmind_40", "--accumulate_steps=4"],
    ] as const
  ) {
    assert.match(refused(() => train([...args], started(ranks))), message, args.join(" "));
  }
  for (
    const [ranks, ...args] of [
      [1, "--batch_size=4", "--accumulate_steps=4", "--bn_views=joint"],
      [1, "--batch_size=4", "--accumulate_steps=2", separate, apart],
      [4, "--batch_size=4", separate],
      [4, "--batch_size=4", "--bn_views=joint", apart],
      [2, "--batch_size=4", separate, apart],
    ] as const
  ) {
    train([...args], started(ranks));
  }
});
