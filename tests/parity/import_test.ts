/** Weights of other programs: an encoder from any of their files is theirs, and training begins with it. */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseCommandLine } from "../../src/options/parse.ts";
import { thisEnvironment } from "../../src/options/environment.ts";
import { ExitCode } from "../../src/base/exit_codes.ts";
import { Learner } from "../../src/native/learner.ts";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { liveHandles, setThreads } from "../../src/native/core.ts";
import { SINGLE_PROCESS } from "../../src/runtime/rank.ts";
import { transferred } from "../../src/encoder/transfer.ts";
import { configurationOf } from "../../src/encoder/weights_file.ts";
import { byol } from "../support/byol.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { writePhotoFolder } from "../support/photo_files.ts";
import { skip } from "../support/skip.ts";
import { doubles, norm, type Numbers, readSafetensors } from "../support/safetensors.ts";
import { startOracle } from "./oracle.ts";
import { NEEDS_ORACLE, written } from "./torch_files.ts";
import { inFolder } from "../support/in_folder.ts";

startOracle();

const HEADS = { hiddenDim: 16, zDim: 8, bnViews: "joint", larsVariant: "reference" } as const;

function learnerOf(resnetType: string, dtype: "float32" | "float64" = "float32"): Learner {
  return Learner.create({ ...HEADS, resnetType, stem: "imagenet", dtype, seed: 1 });
}

/** ‖ours − theirs‖ / ‖theirs‖ */
function distance(ours: Numbers, theirs: Numbers): number {
  const [left, right] = [doubles(ours), doubles(theirs)];
  equal(left.length, right.length);
  return norm(left.map((value, at) => value - right[at]!)) / norm(right);
}

/** Why a file cannot be the encoder of a network. */
function refusal(path: string, resnetType: string): string {
  using learner = learnerOf(resnetType);
  try {
    learner.loadEncoder(path);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${path} was loaded`);
}

Deno.test("the features of another program's weights are torchvision's, and a wrong file is told apart", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  setThreads(1);
  await inFolder(async (folder) => {
    const path = (name: string): string => join(folder, name);
    const networks = await written<Record<string, string>>("encoders", folder);
    equal(Object.keys(networks).length, 19);
    const input = path("expected.safetensors");
    const expected = readSafetensors(input);
    for (const [name, resnetType] of Object.entries(networks)) {
      const { encoder } = describeCheckpoint(path(name));
      deepEqual([encoder?.resnetType, encoder?.stem], [resnetType, "imagenet"], name);
      using learner = learnerOf(resnetType);
      learner.loadEncoder(path(name));
      const out = path("outputs.safetensors");
      learner.writeOutputs({ input, path: out, encoderOnly: true });
      const found = distance(
        readSafetensors(out).get("output.eval")!,
        expected.get(`features.${name}`)!,
      );
      ok(found <= 1e-5, `${name}: ${found}`);
    }
    // Wider numbers hold the same weights.
    for (const name of ["last.pt", "half.pt", "double.pt"]) {
      using learner = learnerOf("resnet18", "float64");
      learner.loadEncoder(path(name));
      learner.saveEncoder(path(`${name}.safetensors`), {});
    }
    const [same, exact] = ["last.pt", "double.pt"].map((name) =>
      describeCheckpoint(path(`${name}.safetensors`)).sha256
    );
    equal(same, exact);
    const { encoder } = describeCheckpoint(path("original.resnet18.pt"));
    equal(encoder?.words, "model, the online network, not momentum_model");
    deepEqual(encoder?.leftOut, [
      "model.predictor_inv.*",
      "model.proj_head_inv.*",
      "momentum_model.*",
    ]);
    deepEqual(describeCheckpoint(path("torchvision.resnet18.pt")).encoder?.leftOut, ["fc.*"]);
    deepEqual(describeCheckpoint(path("solo.pt")).encoder?.leftOut, [
      "state_dict.classifier.*",
      "state_dict.momentum_backbone.*",
      "state_dict.projector.*",
    ]);
    equal(describeCheckpoint(path("moco.pt")).encoder?.prefix, "state_dict.module.encoder_q.");
    const refused: [file: string, resnetType: string, message: RegExp][] = [
      [
        "torchvision.resnet50.pt",
        "resnet18",
        /: it is not the resnet18 with the imagenet stem that is expected; unexpected: layer1\.0\.bn3\.bias, .* more; of another shape: .*: it fits --resnet_type=resnet50$/,
      ],
      ["last.pt", "resnet50", /missing: layer1\.0\.conv3\.weight, .*fits --resnet_type=resnet18$/],
      ["missing.pt", "resnet18", /; missing: layer2\.0\.bn1\.bias$/],
      ["extra.pt", "resnet18", /; unexpected: layer9\.0\.extra$/],
      ["none.pt", "resnet18", /holds no encoder: expected conv1\.weight .*; found a\.weight$/],
      ["two.pt", "resnet18", /it holds 2 networks, after backbone\. and encoder\.: expected one/],
      ["double.pt", "resnet18", /element type F64, which Float cannot hold: give --dtype=float64$/],
    ];
    for (const [file, resnetType, message] of refused) {
      match(refusal(path(file), resnetType), message);
    }
    using cifar = Learner.create({
      ...HEADS,
      resnetType: "resnet18",
      stem: "cifar",
      dtype: "float32",
      seed: 1,
    });
    let message = "";
    try {
      cifar.loadEncoder(path("last.pt"));
    } catch (error) {
      message = (error as Error).message;
    }
    match(
      message,
      /conv1\.weight \[64, 3, 7, 7\] instead of \[64, 3, 3, 3\]: it has the imagenet stem, which fits --dataset_name=imagenet or folder$/,
    );
  });
  equal(liveHandles(), 0);
});

const SMALL = ["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--log_every=1", "--threads=1"];

Deno.test("training begins with a file's encoder, the same from any form, and resumes without the file", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  await inFolder(async (folder) => {
    const path = (...names: string[]): string => join(folder, ...names);
    const trainFrom = async (run: string, steps: number, ...args: string[]): Promise<string> => {
      const runDir = `--run_dir=${path(run)}`;
      const found = await byol("train", ...SMALL, runDir, `--max_steps=${steps}`, ...args);
      equal(found.code, 0, found.stderr);
      return found.stderr;
    };
    const sha256 = (run: string, step: number): string =>
      describeCheckpoint(path(run, "checkpoints", `step-00000000${step}.safetensors`)).sha256;
    const firstRow = (run: string): Record<string, unknown> => {
      const rows = Deno.readTextFileSync(path(run, "metrics.jsonl")).trim().split("\n");
      const found = rows.map((row) => JSON.parse(row)).find(({ kind }) => kind === "train");
      return { ...found, images_per_second: 0, core_seconds: 0 };
    };
    await trainFrom("first", 3, "--seed=5");
    const ours = path("first", "encoder.safetensors");
    await written("wrap", ours, folder);
    // A plain file, without anything of ours in it.
    const model = path("model.pt");
    const starts = { safetensors: ours, model, flat: path("flat.pt") };
    const said: Record<string, string> = {};
    for (const [run, file] of Object.entries(starts)) {
      said[run] = await trainFrom(run, 1, `--init_from=${file}`);
      equal(sha256(run, 1), sha256("safetensors", 1), run);
      deepEqual(firstRow(run), firstRow("safetensors"), run);
      const record = JSON.parse(Deno.readTextFileSync(path(run, "config.json")));
      const digest = createHash("sha256").update(Deno.readFileSync(file)).digest("hex");
      equal(record.initialWeights.sha256, digest);
      equal(record.config.init_from, file);
    }
    match(said.model!, /The encoder comes from model\.resnet\.\* in .*: model, the online network/);
    match(said.flat!, /in torchvision's names; left out: fc\.\*/);
    await trainFrom("drawn", 1);
    notEqual(sha256("drawn", 1), sha256("model", 1));
    notEqual(firstRow("drawn").loss, firstRow("model").loss);
    // The target begins as a copy: a step of almost no size leaves both where they were.
    await trainFrom("still", 1, `--init_from=${model}`, "--lr_init=1e-30");
    const state = readSafetensors(path("still", "checkpoints", "step-000000001.safetensors"));
    const begun = readSafetensors(ours).get("layer2.0.conv1.weight")!;
    for (const network of ["online", "target"]) {
      const found = distance(state.get(`${network}.encoder.layer2.0.conv1.weight`)!, begun);
      ok(found <= 1e-6, `${network}: ${found}`);
    }
    // Evaluated, all three are one encoder; what is not of ours names its network itself.
    const results = [];
    for (const file of Object.values(starts)) {
      const network = file === ours ? [] : ["--dataset_name=demo"];
      const found = await byol(
        "eval",
        `--checkpoint=${file}`,
        ...network,
        "--limit_train=200",
        "--nb_epochs_clsf=1",
        "--clsf_augment=false",
        "--format=json",
        "--threads=1",
        "--seed=5",
      );
      equal(found.code, 0, found.stderr);
      results.push(found.stdout);
    }
    deepEqual(results, [results[0], results[0], results[0]]);
    // Another file under the name of the one that the run began with; then none at all.
    await Deno.remove(path("flat", "checkpoints", "step-000000001.safetensors"));
    await Deno.copyFile(model, starts.flat);
    const again = ["train", ...SMALL, `--run_dir=${path("flat")}`, "--max_steps=2"];
    const other = await byol(...again, `--init_from=${starts.flat}`);
    equal(other.code, ExitCode.runFolder, other.stderr);
    match(
      other.stderr,
      /its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64} as in the first invocation/,
    );
    await Deno.remove(model);
    await trainFrom("model", 2, `--init_from=${model}`);
    await trainFrom("safetensors", 2, `--init_from=${ours}`);
    equal(sha256("model", 2), sha256("safetensors", 2));
    const missing = await byol(
      "train",
      ...SMALL,
      `--run_dir=${path("new")}`,
      `--init_from=${model}`,
    );
    equal(missing.code, ExitCode.checkpoint, missing.stderr);
    match(missing.stderr, /Cannot read the checkpoint .*model\.pt: No such file/);
    const wrong = await byol(
      ...["train", ...SMALL, "--resnet_type=resnet18", `--run_dir=${path("new")}`],
      `--init_from=${ours}`,
    );
    equal(wrong.code, ExitCode.checkpoint, wrong.stderr);
    match(wrong.stderr, /fits --resnet_type=resnet20/);
  });
});

Deno.test("another program's encoder keeps its stem, and the side of the stem's images, on images of another kind", async () => {
  if (oracleFolder() === undefined) return skip(NEEDS_ORACLE);
  setThreads(1);
  await inFolder(async (folder) => {
    const path = (...names: string[]): string => join(folder, ...names);
    await writePhotoFolder(path("photos"), 6);
    const onPhotos = ["--dataset_name=folder", `--data_dir=${path("photos")}`];
    const onSmall = ["--dataset_name=demo", "--limit_train=200"];
    const evaluated = async (file: string, ...args: string[]): Promise<string> => {
      const quick = ["--nb_epochs_clsf=1", "--clsf_augment=false", "--seed=5", "--format=json"];
      const found = await byol(
        ...["eval", `--checkpoint=${file}`, "--threads=1", ...quick, ...args],
      );
      equal(found.code, 0, found.stderr);
      return found.stdout;
    };
    const trained = await byol(
      ...["train", ...SMALL, ...onPhotos, "--resnet_type=resnet18", "--image_size=32"],
      ...["--stem=imagenet", "--batch_size=4", "--max_steps=1", "--clsf_every=0"],
      `--run_dir=${path("run")}`,
    );
    equal(trained.code, 0, trained.stderr);
    // The same encoder by a file of ours, which says what it was trained on, and by one that does not.
    const cases: [ours: string, images: string[], side: number, unsaid: number][] = [
      ["checkpoints/byol_demo_resnet20.safetensors", onPhotos, 32, 32],
      [path("run", "encoder.safetensors"), onSmall, 32, 224],
    ];
    for (const [ours, images, side, unsaid] of cases) {
      await written("wrap", ours, folder);
      for (const theirs of [path("model.pt"), path("flat.pt")]) {
        const { config } = parseCommandLine("eval", [`--checkpoint=${theirs}`, ...images], {
          ...thisEnvironment(),
          rankInfo: SINGLE_PROCESS,
          checkpointConfig: configurationOf,
        });
        const found = transferred(config, {
          found: describeCheckpoint(theirs),
          device: "cpu",
        });
        using learner = found.learner;
        equal(found.config.imageSize, unsaid);
        learner.loadEncoder(theirs);
      }
      equal(
        await evaluated(path("flat.pt"), ...images, `--image_size=${side}`),
        await evaluated(ours, ...images),
      );
    }
    // A network that is never built with such a stem.
    await written("wrap", "checkpoints/byol_demo_resnet20.safetensors", folder);
    const wrong = await byol("eval", `--checkpoint=${path("stem.pt")}`, ...onSmall);
    equal(wrong.code, ExitCode.checkpoint, wrong.stderr);
    match(wrong.stderr, /conv1\.weight \[16, 3, 7, 7\] instead of \[16, 3, 3, 3\]/);
  });
  equal(liveHandles(), 0);
});
